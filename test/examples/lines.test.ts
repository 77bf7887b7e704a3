import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { readLines } from '../../examples/support/lines.js'

async function linesOf(...chunks: readonly Buffer[]): Promise<string[]> {
  const lines: string[] = []
  for await (const line of readLines(Readable.from(chunks))) lines.push(line.toString('latin1'))
  return lines
}

test('lines are the same wherever the chunks are cut', async () => {
  const bytes = Buffer.from('one\r\n\ntwo\n\r\nthr\ree\nlast', 'latin1')
  const expected = ['one', 'two', 'thr\ree', 'last']
  assert.deepEqual(await linesOf(bytes), expected)
  assert.deepEqual(await linesOf(...[...bytes].map(byte => Buffer.from([byte]))), expected)
  for (let cut = 1; cut < bytes.length; cut++) {
    assert.deepEqual(await linesOf(bytes.subarray(0, cut), bytes.subarray(cut)), expected)
  }
})

test('of a line that is too long its beginning arrives, and the next one is whole', async () => {
  const chunk = Buffer.alloc(1_000, 'x')
  const chunks = [
    Buffer.from('a\n'),
    ...Array.from({ length: 20 }, () => chunk),
    Buffer.from('yy\n12345678\n123456789\n'),
  ]
  for (const input of [chunks, [Buffer.concat(chunks)]]) {
    const lines: string[] = []
    for await (const line of readLines(Readable.from(input), 8)) lines.push(String(line))
    assert.deepEqual(lines, ['a', 'xxxxxxxxx', '12345678', '123456789'])
  }
})

test('bytes that are no UTF-8 arrive as they were', async () => {
  assert.deepEqual(await linesOf(Buffer.from([0xff, 0xc3, 10, 0x80])), ['\xff\xc3', '\x80'])
})

test('nothing has no lines', async () => {
  assert.deepEqual(await linesOf(), [])
  assert.deepEqual(await linesOf(Buffer.from('\n\n')), [])
})
