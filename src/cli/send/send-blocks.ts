import type { Failed, Producer } from '../../index.js'
import type { Block } from '../input/block.js'
import type { InputRecord } from '../parse/record.js'
import { BlockStream, type Delivered } from './block-stream.js'
import { Broken } from './broken.js'

/** Records that are made of lines, and sent, in one go: the event loop turns before the next ones. */
export const BURST = 1_024

/** Gives the records of the blocks, and is told what becomes of them. */
export interface SendObserver {
  /** Goes on to a block. */
  enter(block: Block): void
  /** Returns the next records of the block, at most so many; none at its end. */
  take(most: number): InputRecord[]
  /** A record has failed; `ack.record` is the {@link InputRecord}. */
  failed(ack: Failed): void
  /** All records of a block that the producer has taken have their acks. */
  delivered(what: Delivered): void
}

/**
 * Sends the records of blocks in order. A block is a stream of its own: when the producer has taken its records, as buffer memory permits, the
 * next block begins, while acks of earlier ones arrive.
 *
 * Resolves when every record has its ack. Rejects, after every ack that is owed, when the blocks cannot be read or the producer has ended.
 */
export async function sendBlocks(
  producer: Pick<Producer, 'writable'>,
  blocks: AsyncIterator<Block>,
  observer: SendObserver,
): Promise<void> {
  const open = new Set<Promise<void>>()
  const broken = new Broken()
  try {
    for (;;) {
      const { done, value: block } = await broken.or(blocks.next())
      if (done) break
      observer.enter(block)
      let records = observer.take(BURST)
      if (records.length === 0) continue
      const stream = new BlockStream(producer, ack => observer.failed(ack))
      const settled = stream.settled.then(delivered => {
        open.delete(settled)
        observer.delivered(delivered)
        block.release()
        if (delivered.error !== undefined) broken.by(delivered.error)
      })
      open.add(settled)
      try {
        for (; records.length > 0; records = observer.take(BURST)) await broken.or(stream.write(records))
      } finally {
        stream.end()
      }
    }
  } finally {
    await Promise.all(open)
  }
  broken.check()
}
