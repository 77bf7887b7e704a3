import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')

test('the newest version of CHANGELOG.md is the one in package.json, and says when it was released, or that it was not', () => {
  const [, version, released] = /^## \[([^\]]+)\](?: - (.*))?$/m.exec(read('CHANGELOG.md')) ?? []
  assert.equal(version, JSON.parse(read('package.json')).version)
  assert.match(released ?? '', /^(\d{4}-\d\d-\d\d|unreleased)$/)
})
