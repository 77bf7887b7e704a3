import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MUTATIONS } from './mutations.js'
import { mutated, REPOSITORY } from './scratch.js'

test('every mutation has a name of its own, and changes one place in the product as it is', () => {
  assert.equal(new Set(MUTATIONS.map(({ name }) => name)).size, MUTATIONS.length)
  for (const mutation of MUTATIONS) mutated(mutation, readFileSync(join(REPOSITORY, mutation.file), 'utf8'))
})
