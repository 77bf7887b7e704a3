import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { TraceEntry } from '../../src/testing/index.js'

type Request = Extract<TraceEntry, { kind: 'request' }>
type Sent = NonNullable<Request['batches']>[number]

/** A partition, as the brokers see what the producer sends to it. */
interface Line {
  /** Requests that carry a batch of it and have no answer. */
  readonly open: Set<OpenRequest>
  /** What was sent under an identity and first sequence: a batch. */
  readonly batches: Map<string, SentBatch>
  /** By identity: the sequence that follows the highest that was sent. */
  readonly next: Map<string, number>
  /** Where something was stored, and answered so, since it last had to begin with a single request. */
  proven: number | undefined
  /** The node that the last request went to. */
  node: number | undefined
  /** When the first answer left that is not a success, if nothing was sent again since. */
  failedAt: number | undefined
  /** That answer, and every one since, said of a batch in doubt that it is not next. */
  asking: boolean
  /** A connection has ended since something was stored last: what was sent through it may not have come here. */
  cut: boolean
}

interface SentBatch {
  readonly count: number
  readonly crc: number
  /** It was appended, or its producer can't know that it was not. */
  maybeStored: boolean
  /** An answer said that it is stored. */
  confirmed: boolean
  /** It was not answered, or with an error that may follow an append. */
  inDoubt: boolean
}

interface OpenRequest {
  readonly node: number
  readonly connection: number
  readonly correlationId: number
  readonly batches: readonly Sent[]
  /** By partition: what was decided. */
  readonly decisions: Map<string, Decision>
  /** The answer was changed on its way: what was decided may not be seen by the producer, or not all of it. */
  changed: 'no' | 'in part' | 'as a whole'
}

interface Decision {
  readonly rejected: boolean
  readonly code: number
}

/** What a broker answers when it has appended the batch, and that it gives only before it appends. */
const CERTAIN: ReadonlySet<number> = new Set([
  ErrorCode.NONE,
  ErrorCode.DUPLICATE_SEQUENCE_NUMBER,
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.UNKNOWN_PRODUCER_ID,
  ErrorCode.INVALID_PRODUCER_EPOCH,
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.RECORD_LIST_TOO_LARGE,
])

const nameOf = ({ topic, partition }: { topic: string; partition: number }): string => `${topic}-${partition}`

/**
 * What the brokers saw that breaks an invariant of the window (DESIGN, section 4):
 *
 * | | |
 * |---|---|
 * | 2 | at most `maxInFlight` requests of a node are open; a request has at most one batch of a partition |
 * | 3 | what is sent again under its sequence is the same, unless every attempt before was rejected (14) |
 * | 7 | the first batch of an epoch has sequence 0 |
 * | 10 | what does not follow the sequences sent before goes out alone; nothing follows an error that has arrived but that; or, behind a batch in doubt that is out of sequence, another one in doubt, alone |
 * | 11 | no two nodes have open requests of one partition |
 * | rule 7 | after a new leader or an error there is one request until a first success |
 *
 * A broker sees a request later, and its answer leaves earlier, than the producer does. So what is open here was open there.
 */
export function windowFindings(seen: Seen): string[] {
  return new WindowOracle(seen).findings
}

/** What the brokers saw of one producer. */
export interface Seen {
  readonly schedule: {
    readonly producer: { readonly maxInFlight?: number | undefined }
    readonly cluster: { readonly latencyMs: number }
  }
  /** With transactions the coordinator gives each epoch: a leader that knows the one before takes nothing of the next before its sequence 0. */
  readonly transactional?: boolean
  readonly trace: readonly TraceEntry[]
}

class WindowOracle {
  readonly findings: string[] = []
  readonly #maxInFlight: number
  readonly #latencyMs: number
  readonly #transactional: boolean
  readonly #lines = new Map<string, Line>()
  /** By connection. */
  readonly #open = new Map<number, OpenRequest[]>()
  readonly #slow = new Set<number>()
  /** The request that a connection has in hand. */
  #lastFault: Extract<TraceEntry, { kind: 'fault' }> | undefined

  constructor({ schedule, trace, transactional = false }: Seen) {
    this.#transactional = transactional
    this.#maxInFlight = schedule.producer.maxInFlight ?? 4
    this.#latencyMs = schedule.cluster.latencyMs
    for (const entry of trace) this.#take(entry)
  }

  #take(entry: TraceEntry): void {
    switch (entry.kind) {
      case 'request':
        if (entry.batches !== undefined) this.#request(entry, entry.batches)
        return
      case 'fault':
        if (entry.fault.kind === 'slowDrain') this.#slow.add(entry.connection)
        this.#change(entry)
        this.#lastFault = entry
        return
      case 'appended':
      case 'duplicate':
      case 'rejected':
        this.#decided(entry)
        this.#lastFault = undefined
        return
      case 'answered':
        if (entry.api === 'Produce') this.#answered(entry)
        return
      case 'disconnected':
        for (const request of this.#open.get(entry.connection) ?? []) this.#close(request, false)
        this.#open.delete(entry.connection)
        for (const line of this.#lines.values()) if (line.node === entry.node) doubt(line)
    }
  }

  #request(entry: Request, batches: readonly Sent[]): void {
    const { node, connection, correlationId, at } = entry
    const request: OpenRequest = { node, connection, correlationId, batches, decisions: new Map(), changed: 'no' }
    const open = this.#open.get(connection) ?? []
    this.#open.set(connection, open)
    open.push(request)
    const ofNode = [...this.#open.values()].flat().filter(one => one.node === node).length
    if (ofNode > this.#maxInFlight) this.#find(at, `2: ${ofNode} requests are open at node ${node}`)
    const names = batches.map(nameOf)
    if (new Set(names).size < names.length) this.#find(at, `2: a request has two batches of one of ${names.join(', ')}`)
    for (const batch of batches) this.#batch(entry, request, batch)
  }

  #batch({ at, node, connection }: Request, request: OpenRequest, batch: Sent): void {
    const name = nameOf(batch)
    const line = this.#line(name)
    const { producerId, producerEpoch, baseSequence, count, crc } = batch
    const identity = `${producerId}/${producerEpoch}`
    const key = `${identity}/${baseSequence}`
    const next = this.#next(line, identity, baseSequence)
    const known = line.batches.get(key)
    const what = `${name} ${key}`
    if (next === undefined && baseSequence !== 0) this.#find(at, `7: ${what}: a new epoch does not begin at 0`)
    if (next !== undefined && baseSequence > next) this.#find(at, `6: ${what}: a gap, ${next} would follow`)
    if (known?.maybeStored && (known.count !== count || known.crc !== crc)) {
      this.#find(at, `3: ${what}: another batch than the one that may be stored under this sequence`)
    }
    if (line.node !== node) line.proven = undefined
    line.node = node
    if (baseSequence !== next) {
      if (line.open.size > 0) this.#find(at, `10: ${what}: sent with ${line.open.size} other requests of it open`)
      const nextEpoch = next === undefined && [...line.next.keys()].some(one => one.startsWith(`${producerId}/`))
      if (!(this.#transactional && nextEpoch)) line.proven = undefined
      line.failedAt = undefined
      line.asking = false
    } else if (line.failedAt !== undefined && !this.#slow.has(connection)) {
      const asks = line.asking && line.open.size === 0 && (known?.inDoubt ?? line.cut)
      // Had the answer arrived when this left?
      if (!asks && at - this.#latencyMs > line.failedAt + this.#latencyMs) {
        this.#find(at, `10: ${what}: sent behind an error, before what is to be sent again`)
      }
    }
    for (const other of line.open) {
      if (other.node !== node)
        this.#find(at, `11: ${what}: sent to node ${node} while node ${other.node} owes an answer`)
    }
    if (line.open.size > 0 && line.proven !== node) {
      this.#find(at, `rule 7: ${what}: a second request to node ${node}, which has stored nothing yet`)
    }
    line.open.add(request)
    line.batches.set(key, {
      count,
      crc,
      maybeStored: known?.maybeStored ?? false,
      confirmed: false,
      inDoubt: known?.inDoubt ?? line.cut,
    })
    line.next.set(identity, following(baseSequence, count))
  }

  /** The producer is given the benefit of the doubt. */
  #change({ connection, fault }: Extract<TraceEntry, { kind: 'fault' }>): void {
    const request = this.#open.get(connection)?.find(({ decisions }) => decisions.size === 0)
    if (request === undefined) return
    if (fault.kind === 'hostileBytes' || fault.kind === 'cutReply') request.changed = 'as a whole'
    else if (fault.kind === 'answerEntries') request.changed = 'in part'
  }

  /** The broker has decided about one batch. Each goes by its own in the connection's oldest request. */
  #decided(entry: Extract<TraceEntry, { kind: 'appended' | 'duplicate' | 'rejected' }>): void {
    const name = nameOf(entry)
    const request = this.#open.get(entry.connection)?.find(one => !one.decisions.has(name) && carries(one, entry))
    if (request === undefined) return
    // Other requests than these go through other connections.
    const fault = this.#lastFault?.connection === entry.connection ? this.#lastFault.fault : undefined
    const code = entry.kind === 'rejected' ? entry.errorCode : fault?.kind === 'errorAfterAppend' ? fault.code : 0
    request.decisions.set(name, { rejected: entry.kind === 'rejected', code })
  }

  #answered({ connection, correlationId, at }: Extract<TraceEntry, { kind: 'answered' }>): void {
    const open = this.#open.get(connection) ?? []
    const index = open.findIndex(one => one.correlationId === correlationId)
    const [request] = index === -1 ? [] : open.splice(index, 1)
    if (request === undefined) return
    for (const batch of request.batches) {
      const name = nameOf(batch)
      const line = this.#line(name)
      const sent = line.batches.get(keyOf(batch))
      const code = request.decisions.get(name)?.code
      if (code === ErrorCode.NONE || code === ErrorCode.DUPLICATE_SEQUENCE_NUMBER) {
        line.proven = request.node
        if (sent?.crc === batch.crc) sent.confirmed = true
        if (line.asking) line.failedAt = undefined
        line.asking = false
        line.cut = false
      } else if (request.changed !== 'as a whole') {
        const asks = code === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER && sent?.inDoubt === true
        line.asking = asks && (line.asking || line.failedAt === undefined)
        line.failedAt ??= at
      }
    }
    this.#close(request, true)
  }

  #close(request: OpenRequest, answered: boolean): void {
    for (const batch of request.batches) {
      const line = this.#line(nameOf(batch))
      line.open.delete(request)
      const decision = request.decisions.get(nameOf(batch))
      const sent = line.batches.get(keyOf(batch))
      if (sent?.crc !== batch.crc) continue
      if (!(answered && decision?.rejected)) sent.maybeStored = true
      const told = answered && request.changed === 'no' && decision !== undefined
      if (!(told && CERTAIN.has(decision.code))) sent.inDoubt = true
    }
  }

  /** The sequence that is to follow: behind one that is sent again, those that were confirmed meanwhile are passed over. */
  #next({ next, batches }: Line, identity: string, wanted: number): number | undefined {
    let sequence = next.get(identity)
    while (sequence !== undefined && sequence < wanted) {
      const sent = batches.get(`${identity}/${sequence}`)
      if (!sent?.confirmed) break
      sequence = following(sequence, sent.count)
    }
    return sequence
  }

  #line(name: string): Line {
    let line = this.#lines.get(name)
    if (line === undefined) {
      line = {
        open: new Set(),
        batches: new Map(),
        next: new Map(),
        proven: undefined,
        node: undefined,
        failedAt: undefined,
        asking: false,
        cut: false,
      }
      this.#lines.set(name, line)
    }
    return line
  }

  #find(at: number, what: string): void {
    this.findings.push(`${what} (at ${at} ms)`)
  }
}

/** A connection to its node has ended: there may be requests that have not come, and answers that have not arrived. */
function doubt(line: Line): void {
  line.cut = true
  for (const sent of line.batches.values()) sent.inDoubt = true
}

function carries(request: OpenRequest, { topic, partition, baseSequence, crc }: Sent): boolean {
  return request.batches.some(
    one => one.topic === topic && one.partition === partition && one.baseSequence === baseSequence && one.crc === crc,
  )
}

function keyOf({ producerId, producerEpoch, baseSequence }: Sent): string {
  return `${producerId}/${producerEpoch}/${baseSequence}`
}

function following(sequence: number, count: number): number {
  return (sequence + count) % 2 ** 31
}
