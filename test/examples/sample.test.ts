import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { writeSample } from '../../examples/support/sample.js'

const folder = await mkdtemp(join(tmpdir(), 'rx-kafka-sample-'))
after(() => rm(folder, { recursive: true }))

async function sample(name: string, count: number, seed?: number): Promise<string> {
  await writeSample(join(folder, name), count, seed)
  return readFile(join(folder, name), 'utf8')
}

test('a count and a seed give the same file each time, another seed another, and nothing unfinished stays', async () => {
  const first = await sample('a', 200, 7)
  assert.equal(await sample('b', 200, 7), first)
  assert.notEqual(await sample('c', 200, 8), first)
  assert.deepEqual((await readdir(folder)).sort(), ['a', 'b', 'c'])
})

test('fifty thousand events: 100 to 600 bytes, two thousand customers of whom few do much, and time goes on', async () => {
  const lines = (await sample('large', 50_000)).trimEnd().split('\n')
  assert.equal(lines.length, 50_000)
  const sizes = lines.map(line => Buffer.byteLength(line))
  assert.ok(Math.min(...sizes) >= 100 && Math.max(...sizes) <= 600, `${Math.min(...sizes)} to ${Math.max(...sizes)}`)
  const counts = new Map<string, number>()
  let before = 0
  for (const line of lines) {
    const { customer, at } = JSON.parse(line)
    counts.set(customer, (counts.get(customer) ?? 0) + 1)
    assert.ok(at > before)
    before = at
  }
  assert.ok(counts.size > 1_900 && counts.size <= 2_000, `${counts.size} customers`)
  const busiest = [...counts.values()].sort((a, b) => b - a).slice(0, 200)
  assert.ok(busiest.reduce((sum, count) => sum + count) > 20_000, 'a tenth of the customers does over two fifths')
})
