import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { PRODUCE_SPEC } from '../../src/cli/commands/produce-spec.js'
import { PROPERTY_NAMES } from '../../src/cli/config/kafka-names.js'
import { EXIT } from '../../src/cli/errors.js'
import { flagsOf } from '../../src/cli/flags/flag.js'

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')

test('docs/cli.md names every flag and exit code, and no flag or property that there is not', () => {
  const flags = flagsOf(PRODUCE_SPEC).map(({ name }) => name)
  for (const name of flags) assert.match(page, new RegExp(`--${name}(?![\\w-])`), name)
  const others = ['no-install']
  for (const [, name] of page.matchAll(/--([a-z][\w-]+)/g))
    assert.ok([...flags, ...others, 'topic'].includes(name!), name)
  for (const code of Object.values(EXIT)) assert.match(page, new RegExp(`^\\|.*\\b${code}\\b.*\\|.*\\|$`, 'm'))
  const table = page.slice(page.indexOf('| setting | properties |'), page.indexOf('A misspelled name'))
  for (const [, name] of table.matchAll(/`([a-z]+(?:\.[a-z]+)+)`/g)) assert.ok(PROPERTY_NAMES.includes(name!), name)
})
