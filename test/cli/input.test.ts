import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { type Block, csvRows, delimited } from '../../src/cli/input/block.js'
import { type Bytes, streamBytes } from '../../src/cli/input/bytes.js'
import { type ReadOptions, readBlocks } from '../../src/cli/input/read-blocks.js'

const never = new AbortController().signal
const lines = delimited(Buffer.from('\n'))

/** Bytes that arrive in pieces of one size. */
function pieces(text: string, size: number, from = 0): Bytes & { closed: boolean } {
  let rest = Buffer.from(text).subarray(from)
  return {
    closed: false,
    async read(into) {
      const piece = rest.subarray(0, Math.min(size, into.length))
      rest = rest.subarray(piece.length)
      return piece.copy(into)
    },
    async close() {
      this.closed = true
    },
  }
}

async function blocksOf(bytes: Bytes, options: Partial<ReadOptions> = {}): Promise<Block[]> {
  const blocks: Block[] = []
  for await (const block of readBlocks(bytes, { lastEnd: lines, stop: never, name: 'in', ...options }))
    blocks.push(block)
  return blocks
}

const TEXT = 'one\ntwo\r\n\nzwölf €\nand a longer line\nlast'

test('whole lines, whatever the pieces: each block begins where the last one ended', async () => {
  const size = Buffer.byteLength(TEXT)
  for (let piece = 1; piece <= size + 1; piece++) {
    const bytes = pieces(TEXT, piece)
    const blocks = await blocksOf(bytes, { blockSize: 8 })
    assert.equal(Buffer.concat(blocks.map(({ bytes }) => bytes)).toString(), TEXT)
    let expected = 0
    for (const [i, { bytes, offset, end }] of blocks.entries()) {
      assert.deepEqual([offset, end], [expected, expected + bytes.length])
      if (i < blocks.length - 1) assert.equal(bytes.at(-1), 10)
      expected = end
    }
    assert.equal(expected, size)
    assert.equal(bytes.closed, true)
  }
})

test('the memory of a block is used again once it is released, and not before', async () => {
  const text = Array.from({ length: 4_000 }, (_, i) => `line ${i}\n`).join('')
  for (const releases of [true, false]) {
    const buffers = new Set<ArrayBufferLike>()
    let read = ''
    const held: Block[] = []
    for await (const block of readBlocks(pieces(text, 1_000), {
      lastEnd: lines,
      stop: never,
      name: 'in',
      blockSize: 1_000,
    })) {
      buffers.add(block.bytes.buffer)
      read += block.bytes.toString()
      if (releases) block.release()
      else held.push(block)
    }
    assert.equal(read, text)
    if (!releases) assert.equal(Buffer.concat(held.map(({ bytes }) => bytes)).toString(), text)
    assert.ok(releases ? buffers.size <= 3 : buffers.size > 20, `${buffers.size}`)
  }
})

test('reading begins at a byte offset, and offsets are those of the whole input', async () => {
  const [block] = await blocksOf(pieces('one\ntwo\nthree\n', 100, 4), { from: 4 })
  assert.deepEqual([block!.bytes.toString(), block!.offset, block!.end], ['two\nthree\n', 4, 14])
})

test('a delimiter of several bytes may be cut anywhere', async () => {
  for (let piece = 1; piece < 12; piece++) {
    const blocks = await blocksOf(pieces('a;;b;c;;d;', piece), { lastEnd: delimited(Buffer.from(';;')), blockSize: 4 })
    const texts = blocks.map(({ bytes }) => bytes.toString())
    assert.equal(texts.join(''), 'a;;b;c;;d;')
    assert.equal(texts.at(-1), 'd;')
    for (const text of texts.slice(0, -1)) assert.match(text, /;;$/)
  }
})

test('a row of CSV ends outside quotes', async () => {
  const text = 'a,"b\n""c"",\n",d\n1,2\n"open\n'
  for (let piece = 1; piece < text.length; piece++) {
    const texts = (await blocksOf(pieces(text, piece), { lastEnd: csvRows(Buffer.from(',')), blockSize: 4 })).map(
      ({ bytes }) => `${bytes}`,
    )
    assert.equal(texts.join(''), text)
    assert.equal(texts.at(-1), '"open\n')
    assert.ok(!texts.includes('a,"b\n'))
  }
})

test('a line without an end does not fill the memory', async () => {
  const bytes = pieces('x'.repeat(1000), 10)
  await assert.rejects(blocksOf(bytes, { longestLine: 100, blockSize: 16 }), {
    message: 'in: the line at byte 0 has no end within 100 bytes; is --delimiter what ends its lines?',
  })
  assert.equal(bytes.closed, true)
})

test('a stop ends it at a whole line: the beginning of one is not given', async () => {
  const stop = new AbortController()
  const taken: string[] = []
  for await (const { bytes } of readBlocks(pieces('one\ntwo\nthr', 11), {
    lastEnd: lines,
    stop: stop.signal,
    name: 'in',
  })) {
    taken.push(bytes.toString())
    stop.abort()
  }
  assert.deepEqual(taken, ['one\ntwo\n'])
})

test('a stream gives its chunks in order, and is destroyed when it is left', async () => {
  const stream = Readable.from([Buffer.from('a\nb'), 'c\n', Buffer.from('')])
  const texts = (await blocksOf(streamBytes(stream, never))).map(({ bytes }) => bytes.toString())
  assert.deepEqual(texts, ['a\n', 'bc\n'])
  assert.equal(stream.destroyed, true)
})
