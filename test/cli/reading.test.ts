import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reading } from '../../src/cli/commands/reading.js'
import { delimited } from '../../src/cli/input/block.js'
import type { Input } from '../../src/cli/input/open-input.js'
import { readBlocks } from '../../src/cli/input/read-blocks.js'

const LINE = Buffer.from('a line\n')
const LAST_END = delimited(Buffer.from('\n'))

/** An input of one line after the other, which tells whether it is closed. */
function endless(): Input & { closed: boolean } {
  return {
    ...{ name: 'in', size: undefined, seekable: false, closed: false },
    blocks(lastEnd, stop) {
      const close = async (): Promise<void> => {
        this.closed = true
      }
      return readBlocks({ read: async into => LINE.copy(into), close }, { lastEnd, stop, name: 'in' })
    },
  }
}

test('an input that is left before its end is closed: Node takes an open file that is collected for an error', async () => {
  const [input, next] = [endless(), endless()]
  const unused = undefined as never
  const reading = new Reading([input, next], { lastEnd: LAST_END } as never, unused, unused, {
    limit: undefined,
    strict: false,
  })
  const { value: block } = await reading.blocks.next()
  assert.deepEqual(block?.bytes, LINE)
  assert.equal(input.closed, false)
  await reading.close()
  assert.equal(input.closed, true)
  assert.equal(reading.stopped.aborted, true)
  assert.equal((await reading.blocks.next()).done, true)
})
