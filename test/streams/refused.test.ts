import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type Duplex, finished, PassThrough, Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, test } from 'node:test'
import type { Producer } from '../../src/index.js'
import { startWorld } from '../support/world.js'

const CLUSTER = { topics: { t: { partitions: 1 } } }
const RECORD = { topic: 't', value: 'v' }

type Make = (signal?: AbortSignal) => Writable
type Use = (make: Make) => Promise<unknown>

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    error => error,
  )

/** What people do with a stream; gives the error that they meet. */
const USES: Record<string, Use> = {
  'pipeline() into it': make => failure(pipeline(Readable.from([RECORD]), make())),
  'pipeline() of a source that never gives': make => failure(pipeline(new PassThrough(), make())),
  'finished()': make => new Promise(resolve => finished(make(), resolve)),
  'pipe(), and a listener': async make => {
    const stream = make()
    Readable.from([RECORD, RECORD, RECORD, RECORD]).pipe(stream)
    const [error] = await once(stream, 'error')
    return error
  },
  'write(), and its callback': make => new Promise(resolve => quiet(make()).write(RECORD, resolve)),
  'three writes, and end()': make =>
    new Promise(resolve => {
      const stream = quiet(make())
      for (let i = 0; i < 3; i++) stream.write(RECORD)
      stream.end(resolve)
    }),
  'end() at once': make => new Promise(resolve => quiet(make()).end(resolve)),
  'a listener once an async function has made it': async make => {
    const opened = await (async () => {
      await undefined
      return { stream: make() }
    })()
    await undefined
    const [error] = await once(opened.stream, 'error')
    return error
  },
}

const READS: Record<string, Use> = {
  'pipeline() out of it': make => failure(pipeline(make() as Duplex, new PassThrough({ objectMode: true }))),
  'pipeline() through it': make =>
    failure(pipeline(Readable.from([RECORD]), make() as Duplex, new PassThrough({ objectMode: true }).resume())),
  'for await': make =>
    failure(
      (async () => {
        for await (const _ of make() as Duplex);
      })(),
    ),
  'read by events': async make => {
    const stream = make() as Duplex
    stream.on('data', () => {})
    const [error] = await once(stream, 'error')
    return error
  },
}

function quiet(stream: Writable): Writable {
  return stream.on('error', () => {})
}

/** Why a producer refuses a stream; gives the reason that is to be seen. */
const REFUSALS: Record<string, (producer: Producer) => Promise<{ signal?: AbortSignal; reason: RegExp | Error }>> = {
  'the producer is closed': async producer => {
    await producer.close()
    return { reason: /^ProducerClosedError: the producer was closed$/ }
  },
  'its signal is aborted already': async () => {
    const reason = new Error('enough')
    return { signal: AbortSignal.abort(reason), reason }
  },
}

for (const form of ['writable', 'duplex'] as const) {
  describe(`${form}() that is refused from the start`, () => {
    for (const [why, refuse] of Object.entries(REFUSALS)) {
      for (const [how, use] of Object.entries(form === 'duplex' ? { ...USES, ...READS } : USES)) {
        test(`${why}; ${how}: its reason, told once`, async () => {
          const world = await startWorld({ cluster: CLUSTER })
          const { signal, reason } = await refuse(world.producer)
          let told = 0
          let stream!: Writable
          const error = await use(() => {
            const options = signal === undefined ? {} : { signal }
            stream = form === 'duplex' ? world.producer.duplex(options) : world.producer.writable(options)
            stream.prependListener('error', () => told++)
            // Whoever made it can still listen.
            assert.equal(stream.destroyed, false)
            return stream
          })
          if (reason instanceof Error) assert.equal(error, reason)
          else assert.match(String(error), reason)
          await new Promise(resolve => setImmediate(resolve))
          assert.deepEqual([told, stream.destroyed, world.cluster.trace.length], [1, true, 0])
          await world.end()
        })
      }
    }
  })
}
