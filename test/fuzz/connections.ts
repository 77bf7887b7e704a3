import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { VirtualTimeScheduler } from 'rxjs'
import { ConnectionError, KafkaError, MalformedMessageError } from '../../src/errors.js'
import { apiVersions } from '../../src/protocol/messages/api-versions.js'
import type { Api } from '../../src/protocol/wire/api.js'
import { decodeRequestHeader, encodeResponseFrame } from '../../src/protocol/wire/message.js'
import { type Connection, openConnection } from '../../src/transport/connection.js'
import { FakeTransport } from '../support/fake-transport.js'
import type { Random } from '../support/random.js'
import { type Mutation, mutate } from './mutate.js'
import { APIS, decode, type Reply } from './reply.js'
import { Tally } from './tally.js'

const ADDRESS = { host: 'broker', port: 9092 }
const OPTIONS = {
  clientId: 'fuzz',
  connectTimeoutMs: 1000,
  requestTimeoutMs: 500,
  idleConnectionMs: 0,
  maxResponseBytes: 2 ** 24,
  random: Math.random,
}
const RANGES = APIS.map(({ key, minVersion, maxVersion }) => ({ apiKey: key, minVersion, maxVersion }))

/** Something to ask for, of each API; what is asked for does not matter here. */
const REQUESTS: Record<string, unknown> = {
  ApiVersions: { clientSoftwareName: 'fuzz', clientSoftwareVersion: '1' },
  Metadata: {
    topics: [],
    allowAutoTopicCreation: false,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  },
  InitProducerId: { transactionalId: null, transactionTimeoutMs: 1, producerId: -1n, producerEpoch: -1 },
  Produce: { transactionalId: null, acks: -1, timeoutMs: 1, topicData: [] },
  SaslHandshake: { mechanism: 'PLAIN' },
  SaslAuthenticate: { authBytes: Buffer.from('fuzz') },
}

/** A request that was sent, and what came of it. */
class Asked {
  /** What a broker answers. */
  readonly reply: Reply
  readonly answers: unknown[] = []
  completed = false
  error: Error | undefined

  constructor(connection: Connection, { api, version, frame }: Reply, correlationId: number) {
    const own = Buffer.from(frame)
    own.writeInt32BE(correlationId, 4)
    this.reply = { api, version, frame: own }
    connection.request(api, REQUESTS[api.name], version).subscribe({
      next: answer => this.answers.push(answer),
      error: error => {
        this.error = error
      },
      complete: () => {
        this.completed = true
      },
    })
  }
}

/**
 * Conversations over real connections, up to four requests pipelined, with replies that were tampered with or came out of
 * order, cut into chunks anywhere. Goes on until so many replies were tampered with.
 */
export async function fuzzConnections(bases: readonly Reply[], random: Random, frames: number): Promise<Tally> {
  const tally = new Tally()
  while (tally.total < frames) {
    for (let i = 0; i < 100 && tally.total < frames; i++) converse(bases, random, tally)
    await new Promise(resolve => setImmediate(resolve))
  }
  return tally
}

function converse(bases: readonly Reply[], random: Random, tally: Tally): void {
  const scheduler = new VirtualTimeScheduler()
  const transport = new FakeTransport()
  let connection: Connection | undefined
  let failure: Error | undefined
  const life = openConnection(ADDRESS, { ...OPTIONS, transport, scheduler }).subscribe({
    next: value => {
      connection = value
    },
    error: error => {
      failure = error
    },
  })
  const { listener, frames } = transport.last
  const receive = (bytes: Buffer): void => {
    for (const chunk of cutAnywhere(bytes, random)) listener.received(chunk)
    // What has not come by now never will.
    scheduler.flush()
  }
  listener.opened()
  const hello = greeting(frames[0]!)
  if (random.chance(0.1)) {
    const mutation = mutate(hello, random, random.pick(bases))
    receive(mutation.bytes)
    assert.ok(!mutation.detectable || connection === undefined, `${mutation.kind}: the handshake was taken`)
    tally.add(mutation.kind, connection === undefined ? 'refused, as a handshake' : 'read to something')
  } else {
    listener.received(hello.frame)
    exchange(connection!, bases, random, receive, tally)
  }
  life.unsubscribe()
  assert.ok(failure === undefined || failure instanceof KafkaError, `${failure}`)
  assert.ok(transport.last.destroyed, 'a socket is left')
  assert.equal(scheduler.actions.length, 0, 'timers are left')
}

function greeting(request: Buffer): Reply {
  const { apiVersion: version, correlationId } = decodeRequestHeader(request)
  const response = { errorCode: 0, apiKeys: RANGES, throttleTimeMs: 0, finalizedFeatures: [] }
  const frame = Buffer.concat(encodeResponseFrame(apiVersions, version, correlationId, response))
  return { api: apiVersions as Api<unknown, unknown>, version, frame }
}

function exchange(
  connection: Connection,
  bases: readonly Reply[],
  random: Random,
  receive: (bytes: Buffer) => void,
  tally: Tally,
): void {
  // The handshake was request 0.
  const asked = Array.from({ length: random.int(1, 4) }, (_, i) => new Asked(connection, random.pick(bases), i + 1))
  const replies = asked.map(({ reply }) => reply.frame)
  const victim = random.int(0, asked.length - 1)
  const { kind, bytes, detectable } = tamper(asked, victim, bases, random)
  receive(Buffer.concat([...replies.slice(0, victim), bytes, ...replies.slice(victim + 1)]))

  for (const [i, { reply, answers, completed, error }] of asked.entries()) {
    const where = `${kind}, request ${i} of ${asked.length}, tampered with ${victim}`
    assert.equal(Number(completed) + Number(error !== undefined), 1, `${where}: ends`)
    assert.equal(answers.length, Number(completed), `${where}: answers`)
    assert.ok(error === undefined || error instanceof ConnectionError, `${where}: ${error}`)
    if (i < victim) assert.ok(isDeepStrictEqual(answers[0], decode(reply)), `${where}: an answer that was not touched`)
  }
  const failed = asked.find(({ error }) => error !== undefined)
  const atOnce = failed === undefined || failed.error?.cause instanceof MalformedMessageError
  if (detectable) {
    const answered = asked.filter(({ completed }) => completed).length
    assert.ok(connection.closed, `${kind}: the connection goes on`)
    // A size that is too large by a little may be true: more has to come before it is seen not to be.
    assert.ok(atOnce || kind === 'size that is another one', `${kind}: found out by the time that passed`)
    assert.equal(answered, kind === 'twice' ? victim + 1 : victim, `${kind}: answers that no broker gave`)
  }
  if (!connection.closed) tally.add(kind, 'read to something')
  else tally.add(kind, atOnce ? 'closed at once' : 'closed for want of an answer')
}

function tamper(asked: readonly Asked[], victim: number, bases: readonly Reply[], random: Random): Mutation {
  const { reply } = asked[victim]!
  const other = asked[(victim + 1) % asked.length]!.reply
  if (other !== reply && random.chance(0.1)) return { kind: 'another order', bytes: other.frame, detectable: true }
  if (random.chance(0.1)) return { kind: 'twice', bytes: Buffer.concat([reply.frame, reply.frame]), detectable: true }
  return mutate(reply, random, random.pick(bases))
}

function cutAnywhere(bytes: Buffer, random: Random): Buffer[] {
  const chunks: Buffer[] = []
  const longest = random.pick([1, 7, 50, bytes.length])
  for (let start = 0; start < bytes.length; ) {
    const end = start + random.int(1, longest)
    chunks.push(bytes.subarray(start, end))
    start = end
  }
  return chunks
}
