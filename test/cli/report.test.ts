import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { Block } from '../../src/cli/input/block.js'
import { clock, megabytes, several } from '../../src/cli/report/format.js'
import { Notes } from '../../src/cli/report/notes.js'
import { Progress } from '../../src/cli/report/progress.js'
import { Tally } from '../../src/cli/report/tally.js'
import { Terminal } from '../../src/cli/report/terminal.js'
import { VirtualTime } from '../../src/testing/index.js'

/** A terminal of so many columns, or a file. */
function output(columns: number | undefined): { out: Writable; written(): string } {
  let text = ''
  const out = new Writable({
    write(chunk, _, done) {
      text += chunk
      done()
    },
  })
  return {
    out: columns === undefined ? out : Object.assign(out, { isTTY: true, columns }),
    written() {
      const all = text
      text = ''
      return all
    },
  }
}

const CLEAR = '\r\u001b[2K'
const UNDER_WAY = {
  inFlight: new Map([
    [1, 2],
    [2, 1],
  ]),
  bufferedBytes: 3_100_000,
}

/** Acks so many records of 100 bytes, of a block that is read with them. */
function ack(tally: Tally, count: number): void {
  tally.entered(new Block('in', Buffer.alloc(count * 100), 0))
  tally.delivered({ acked: count, bytes: count * 100, last: undefined })
}

test('a terminal has one line that changes, below all others', () => {
  const { out, written } = output(20)
  const terminal = new Terminal(out)
  terminal.status('half')
  terminal.status('half')
  assert.equal(written(), 'half')
  terminal.line('a note')
  assert.equal(written(), `${CLEAR}a note\nhalf`)
  terminal.status('a text of more than twenty')
  assert.equal(written(), `${CLEAR}a text of more than`)
  terminal.status('')
  assert.equal(written(), CLEAR)
  terminal.line('the end')
  assert.equal(written(), 'the end\n')
})

test('a file gets lines only, and nothing moves the cursor', () => {
  const { out, written } = output(undefined)
  const terminal = new Terminal(out)
  terminal.status('half')
  terminal.line('two\nlines \u001b[31m\u009b\u202e\r')
  assert.equal(written(), 'two\nlines \\u001b[31m\\u009b\\u202e\\u000d\n')
})

test('progress on a terminal: five times a second, with what is left', async () => {
  const time = new VirtualTime()
  const { out, written } = output(200)
  const tally = new Tally()
  const progress = new Progress(new Terminal(out), tally, UNDER_WAY, 1_000_000, time)
  progress.start()
  ack(tally, 1000)
  await time.advance(199)
  assert.equal(written(), '')
  await time.advance(1)
  assert.equal(written(), '1,000 acked  5,000/s  0.5 MB/s  3 in flight, 3.1 MB buffered  0 failed  10 %  ETA 0:02')
  progress.stop()
  assert.equal(written(), CLEAR)
  await time.advance(10_000)
  assert.equal(written(), '')
})

test('progress elsewhere: a line every five seconds; without a size there is no end to tell', async () => {
  const time = new VirtualTime()
  const { out, written } = output(undefined)
  const tally = new Tally()
  const progress = new Progress(new Terminal(out), tally, UNDER_WAY, undefined, time)
  progress.start()
  ack(tally, 1000)
  tally.isMalformed()
  await time.advance(10_000)
  const [first, second, ...rest] = written().split('\n')
  assert.equal(first, '1,000 acked  200/s  0.0 MB/s  3 in flight, 3.1 MB buffered  1 failed')
  assert.match(second!, /^1,000 acked {2}100\/s/)
  assert.deepEqual(rest, [''])
  progress.stop()
})

test('what holds records up is told once', () => {
  const { out, written } = output(undefined)
  const notes = new Notes(new Terminal(out))
  const error = new Error('no leader')
  for (let i = 0; i < 2; i++) notes.event({ kind: 'retrying', topic: 't', partition: 1, failures: i, error })
  notes.event({
    kind: 'blocked',
    bufferedBytes: 1,
    waitingOn: [{ topic: 't', partition: -1, bytes: 1, error: undefined }],
  })
  notes.event({ kind: 'connected', nodeId: 1, address: 'h:1' })
  assert.equal(written(), 't-1: trying again: no leader\nwaiting for t\n')
})

test('figures', () => {
  assert.deepEqual([several(1, 'line'), several(1234, 'line')], ['1 line', '1,234 lines'])
  assert.deepEqual([clock(7.4), clock(60), clock(3723), clock(-1)], ['0:07', '1:00', '1:02:03', '0:00'])
  assert.equal(megabytes(1_250_000), '1.3 MB')
})
