import { Subject } from 'rxjs'
import type { Producer, ProducerRecord } from '../../src/index.js'

/** How acks come back: one a record, or one for all that were settled together. */
export type By = 'send' | 'sendBatches'

/** Emitted in one go: as many as a source emits that reads from a file or a socket. */
const BURST = 1_000

/**
 * Pushes records through a producer as fast as it takes them, leaving the event loop after each burst, and waits for all their
 * acks. Throws if one is not acked.
 *
 * @param limit while the producer holds more bytes than that, nothing is emitted.
 */
export async function feed(
  producer: Producer,
  by: By,
  count: number,
  record: (i: number) => ProducerRecord,
  limit: number = Number.POSITIVE_INFINITY,
): Promise<void> {
  const source = new Subject<ProducerRecord>()
  let acked = 0
  let resume = (): void => {}
  const settled = (records: number): void => {
    acked += records
    if (producer.bufferedBytes <= limit) resume()
  }
  const done = new Promise<void>((resolve, reject) => {
    const ends = { complete: resolve, error: reject }
    if (by === 'send') {
      source.pipe(producer.send()).subscribe({
        ...ends,
        next(ack) {
          if (ack.kind === 'acked') settled(1)
        },
      })
    } else {
      source.pipe(producer.sendBatches()).subscribe({
        ...ends,
        next(ack) {
          if (ack.kind === 'acked') settled(ack.count)
        },
      })
    }
  })
  for (let i = 0; i < count; ) {
    for (const end = Math.min(i + BURST, count); i < end && producer.bufferedBytes <= limit; i++) source.next(record(i))
    await new Promise(resolve => setImmediate(resolve))
    if (producer.bufferedBytes > limit) {
      await new Promise<void>(resolve => {
        resume = resolve
      })
    }
  }
  source.complete()
  // What waits to fill a batch is not to wait for ever.
  await producer.flush()
  await done
  if (acked !== count) throw new Error(`${acked} of ${count} records were acked`)
}
