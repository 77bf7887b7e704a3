import assert from 'node:assert/strict'
import { ConnectionError } from '../../src/errors.js'
import { produceTo } from '../../src/producer/in-flight/produce-request.js'
import { RequestLimit } from '../../src/producer/in-flight/request-limit.js'
import { Batch, NO_SEQUENCE } from '../../src/producer/model/batch.js'
import type { Outcome } from '../../src/producer/model/outcome.js'
import type { AckSink } from '../../src/producer/model/sinks.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { PartitionProduceResponse } from '../../src/protocol/messages/produce.js'
import { type ProducerIdAndEpoch, RecordLengths } from '../../src/protocol/records/record-batch-builder.js'
import { ZERO_UUID } from '../../src/protocol/wire/uuid.js'
import { append } from '../support/taken.js'
import { ToldPartition } from '../support/told-partition.js'
import { Checks } from './checks.js'
import { Leader, REQUEST_FAULTS, type RequestFault } from './leader.js'
import {
  connectionOf,
  describeRequest,
  type Link,
  numberOf,
  numbersIn,
  type Request,
  stampOf,
  withoutProbe,
} from './link.js'

/** How much may happen, at the most, in one exploration. */
export interface Bounds {
  /** Records of each batch. */
  readonly batches: readonly number[]
  /** Begins with the first batch stored, and the window open. */
  readonly open: boolean
  readonly window: number
  /** Faults in all, and of which kinds. */
  readonly faults: number
  readonly kinds: readonly (RequestFault | 'cut' | 'forget' | 'restart')[]
  readonly moves: number
  /** A new leader may lack what was never confirmed. */
  readonly losesTail: boolean
  readonly expiries: number
  /** Batches expire in any order, and not the oldest one first, as their deadlines have it. */
  readonly anyExpires: boolean
  /** How often metadata may come that says nothing new. */
  readonly refreshes: number
  /** The producer may be closed, whatever is left. */
  readonly closes: boolean
  readonly retries: number
  /** R5: the broker takes only sequence 0 from a producer that it does not know. */
  readonly strict: boolean
  readonly firstSequence: number
  readonly firstEpoch: number
}

/** What a test knows of a batch beside what the batch knows itself. */
interface Note {
  /** A request that carried it was not answered, or with an error that may follow an append. */
  uncertain: boolean
  stored: boolean
  /** How often it, or the whole that it is a part of, was called corrupt. */
  corruptions: number
  sent: Buffer | undefined
}

const lengths = new RecordLengths()
lengths.measure(undefined, '', undefined)

/** Codes after which a batch may be in the log all the same. */
const OPEN_CODES: readonly number[] = [
  REQUEST_FAULTS.failedAfterAppend,
  REQUEST_FAULTS.unknownCode,
  REQUEST_FAULTS.unknownCodeAfterAppend,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
]

/** Faults that end no batch. */
const PASSING: readonly RequestFault[] = ['rejected', 'failedAfterAppend', 'unknownCode', 'unknownCodeAfterAppend']

/** Codes that say that a record is bad, or too large. */
const BAD_CODES: readonly number[] = [
  ErrorCode.INVALID_RECORD,
  ErrorCode.INVALID_TIMESTAMP,
  ErrorCode.MESSAGE_TOO_LARGE,
]

/**
 * The real {@link Partition}, {@link Batch} and {@link produceTo}, with a leader at the other end of connections that can be cut.
 * Each action is one atomic step of what runs concurrently: the user, the producer, two brokers, the network, timers.
 *
 * A connection that was cut leaves requests behind: their bytes may be at the broker, which may carry them out at any time
 * afterwards, in order (`late`). That is why a batch that was not answered can't be called failed, nor stamped anew.
 */
export class World {
  readonly bounds: Bounds
  readonly leader: Leader
  readonly partition: ToldPartition
  /** Of the producer's side, in the order of the input; parts in place of what was split; without those that are done with. */
  batches: Batch[] = []
  links: Link[] = []
  /** Of connections that were cut: what may still be carried out. */
  late: { readonly node: number; readonly requests: Request[] }[] = []
  faults: number
  moves: number
  expiries: number
  refreshes: number
  readonly checks: Checks
  /** Batches that were given to the producer. */
  added = 0
  closed = false
  #records = 0
  #issued = 0
  #producerIds = 7n
  /** A failure, an expiry or a new leader: nothing goes beside the first one that is sent, until it is stored. */
  #probing = true
  /** Something was sent since metadata came last. */
  #active = false
  #thrown: unknown
  readonly #notes = new Map<Batch, Note>()
  readonly #sink: AckSink

  constructor(bounds: Bounds) {
    this.bounds = bounds
    this.faults = bounds.faults
    this.moves = bounds.moves
    this.expiries = bounds.expiries
    this.refreshes = bounds.refreshes
    this.leader = new Leader(bounds.strict)
    this.checks = new Checks(this.leader)
    this.checks.givesUp = bounds.retries < Number.POSITIVE_INFINITY
    this.partition = new ToldPartition('t', 0, bounds.retries, {
      settle: ({ batch, outcome }) => batch.settle(outcome),
      split: (batch, parts) => this.#split(batch, parts),
      epochBump: () => this.checks.bumped(),
    })
    this.partition.sequences.identity = { producerId: this.#producerIds, producerEpoch: bounds.firstEpoch }
    this.partition.sequences.next = bounds.firstSequence
    this.partition.ledBy(1)
    this.#sink = {
      settled: (batch, from, to, end) => this.#settled(batch as Batch, from, to, end),
      neverBatched: () => assert.fail('a record without a partition'),
    }
  }

  /** Every record has its end. */
  get over(): boolean {
    return (this.closed || this.added === this.bounds.batches.length) && this.checks.ended === this.#records
  }

  /** @param again it led to this state before, and was checked then. */
  run(step: (world: World) => void, again = false): void {
    step(this)
    if (this.#thrown !== undefined) throw this.#thrown
    if (this.batches.some(({ settled }) => settled)) this.#putAway()
    this.checks.effects()
    if (!again) this.checks.log()
  }

  /** A string that is the same for two states only if they have the same future. */
  fingerprint(): string {
    const { partition, bounds } = this
    const { identity, next } = partition.sequences
    const batches = this.batches.map(batch => {
      const { uncertain } = this.#notes.get(batch)!
      const attempts = bounds.retries < 9 ? Math.min(batch.attempts - batch.inherited, bounds.retries + 1) : 0
      const flags = `${+batch.unresolved}${+batch.settled}${+uncertain}${+batch.sealed}${attempts}`
      const half = batch.counterpart === undefined ? '' : numberOf(batch.counterpart)
      const suspicion = `${batch.corruptions}${+batch.suspect}${half}`
      return `${numbersIn(batch)}:${stampOf(batch)}:${flags}:${suspicion}:${batch.result?.kind ?? ''}`
    })
    const links = this.links.map(({ node, requests }) => `${node}<${requests.map(describeRequest)}>`)
    const late = this.late.map(({ node, requests }) => `${node}<${requests.map(({ stamp }) => stamp)}>`)
    return [
      `${partition.phase}${partition.leader}${partition.sendable ? numberOf(partition.next) : ''}:${identity?.producerId}.${identity?.producerEpoch}.${next}.${this.#producerIds}`,
      batches,
      links.sort(),
      late.sort(),
      this.leader.fingerprint(),
      `${this.added}.${this.faults}.${this.moves}.${this.expiries}.${+this.#probing}${+this.closed}${+this.checks.forgotten}${+this.checks.excused}${this.refreshes}${+this.#active}`,
      this.checks.fingerprint(),
    ].join('|')
  }

  add(): void {
    const count = this.bounds.batches[this.added++]!
    const batch = new Batch('t', 0, Buffer.allocUnsafe(64 + count * lengths.max))
    for (let i = 0; i < count; i++) {
      const number = this.#records++
      append(batch, { topic: 't', value: '', metadata: number }, number, this.#sink)
    }
    batch.due = true
    this.#watch(batch)
    this.batches.push(batch)
    this.partition.add(batch)
  }

  take(): void {
    const { partition } = this
    const outstanding = this.outstanding()
    const node = partition.leader
    assert.equal(
      outstanding,
      this.outstanding(node),
      'invariant 11: sent to a new leader while the old one owes an answer',
    )
    if (this.#probing)
      assert.equal(outstanding, 0, 'invariant 10: sent beside others after a failure, or before any success')
    const batch = partition.sent()
    this.#active = true
    const note = this.#notes.get(batch)!
    if (note.uncertain)
      assert.deepEqual(batch.bytes, note.sent, 'invariants 3, 8: a batch that may be stored was changed')
    note.sent = Buffer.from(batch.bytes!)
    this.checks.sent(batch)
    let link = this.links.find(one => one.node === node)
    if (link === undefined) {
      link = { node, requests: [] }
      this.links.push(link)
    }
    const connection = connectionOf(link.requests, batch, note.sent, this.#probing)
    const limit = new RequestLimit(1_048_576)
    const attempt = { sendIndex: this.#issued++, connection, parts: [{ partition, batch }], limit }
    produceTo(attempt, 1).subscribe(({ results }) => {
      // RxJS would report it later, and to nobody.
      try {
        partition.answered(batch, results[0]!)
      } catch (error) {
        this.#thrown ??= error
      }
    })
  }

  carryOut(node: number, fault?: RequestFault): void {
    const request = this.#link(node).requests.find(({ reply }) => reply === undefined)!
    request.reply = this.leader.carryOut(node, request.bytes, fault)
    if (fault === undefined) return
    this.faults--
    if (fault === 'displaced' || fault === 'fenced') this.checks.forgotten = true
    if (!PASSING.includes(fault)) this.checks.excused = true
  }

  deliver(node: number): void {
    const { requests } = this.#link(node)
    const request = requests.shift()!
    if (requests.length === 0) this.links = this.links.filter(link => link.node !== node)
    const reply = request.reply!
    const note = this.#notes.get(request.batch)!
    if (OPEN_CODES.includes(reply.errorCode)) note.uncertain = true
    note.stored = reply.errorCode === ErrorCode.NONE
    this.#blame(request.batch, reply)
    // One behind it was confirmed first: a broker that had forgotten the producer would have taken that too.
    const behind = this.batches.slice(this.batches.indexOf(request.batch) + 1)
    if (
      reply.errorCode === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER &&
      behind.some(one => this.#notes.get(one)!.stored)
    ) {
      this.checks.excused = true
    }
    if (!note.stored) {
      this.checks.failed(reply.errorCode)
      this.#probing = true
    } else if (request.probe) {
      this.#probing = false
    }
    request.subscriber.next({
      responses: [{ name: 't', topicId: ZERO_UUID, partitionResponses: [reply] }],
      throttleTimeMs: 0,
      nodeEndpoints: [],
    })
    request.subscriber.complete()
  }

  cut(node: number): void {
    const { requests } = this.#link(node)
    this.faults--
    this.links = this.links.filter(link => link.node !== node)
    this.#leave(node, requests)
    this.#probing = true
    for (const { batch } of requests) {
      this.#notes.get(batch)!.uncertain = true
    }
    this.checks.failed(undefined)
    for (const { subscriber } of requests) subscriber.error(new ConnectionError('cut'))
  }

  carryOutLate(index: number): void {
    const { node, requests } = this.late[index]!
    this.leader.carryOut(node, requests.shift()!.bytes, undefined)
    this.late = this.late.filter(link => link.requests.length > 0)
  }

  move(losesTail: boolean): void {
    this.moves--
    this.leader.move(losesTail)
    // A node that leads no more, and never will again, carries nothing out.
    if (this.moves === 0) this.late = this.late.filter(({ node }) => node === this.leader.node)
  }

  learn(): void {
    this.#led()
    this.#probing = true
    for (const { requests } of this.links) requests.splice(0, requests.length, ...requests.map(withoutProbe))
  }

  refresh(): void {
    this.refreshes--
    this.#led()
  }

  /** Batches that may expire. One that waits for the ack of another, which comes before it, expires with that. */
  get expirable(): Batch[] {
    const live = this.batches.filter(({ settled, result }) => !settled && result?.kind !== 'stored')
    return this.bounds.anyExpires ? live : live.slice(0, 1)
  }

  expire(index: number): void {
    const batch = this.expirable[index]!
    this.expiries--
    this.checks.excused = true
    this.checks.givesUp = true
    if (batch.baseSequence !== NO_SEQUENCE) this.#probing = true
    this.partition.expired(batch)
  }

  identify(): void {
    const identity: ProducerIdAndEpoch = { producerId: ++this.#producerIds, producerEpoch: 0 }
    this.partition.sequences.identity = identity
  }

  close(): void {
    this.closed = true
    this.checks.excused = true
    this.checks.givesUp = true
    this.partition.abandon(new Error('closed'))
    for (const { node, requests } of this.links) this.#leave(node, requests)
    this.links = []
  }

  /** It takes a day without a batch; metadata comes every few minutes. */
  forget(): void {
    this.faults--
    this.#led()
    this.#led()
    this.leader.forget()
    this.checks.forgotten = true
    this.checks.excused = true
  }

  /** It knows the last batch of the producer only: an older one is out of sequence, and none of them may fail for that. */
  restart(): void {
    this.faults--
    this.leader.restart()
    this.checks.forgotten = true
  }

  /** Nobody waits for what becomes of a batch that was sent. */
  get nothingOpen(): boolean {
    if (this.leader.log.length === 0 || this.late.length > 0 || this.links.length > 0) return false
    return this.batches.every(batch => !batch.unresolved)
  }

  /** Requests that were sent and not answered. */
  outstanding(node?: number): number {
    let count = 0
    for (const link of this.links) if (node === undefined || link.node === node) count += link.requests.length
    return count
  }

  #led(): void {
    if (!this.#active && this.outstanding() === 0) this.#probing = true
    this.#active = false
    this.partition.ledBy(this.leader.node)
  }

  #link(node: number): Link {
    return this.links.find(link => link.node === node)!
  }

  /** The connection is gone; what it brought to the broker is not. */
  #leave(node: number, requests: readonly Request[]): void {
    const late = requests.filter(({ reply }) => reply === undefined)
    if (late.length > 0 && (node === this.leader.node || this.moves > 0)) this.late.push({ node, requests: late })
  }

  /** Batches that have ended, and that the partition does not have to think of any more. */
  #putAway(): void {
    const draining = this.partition.phase === 'draining'
    this.batches = this.batches.filter(batch => {
      if (!batch.settled || this.#isInFlight(batch)) return true
      return draining && batch.baseSequence !== NO_SEQUENCE && !this.#notes.get(batch)!.stored
    })
  }

  #isInFlight(batch: Batch): boolean {
    return this.links.some(({ requests }) => requests.some(request => request.batch === batch))
  }

  #watch(batch: Batch): void {
    this.#notes.set(batch, { uncertain: false, stored: false, corruptions: 0, sent: undefined })
  }

  /** Whom the broker's answer is about: those that it names, or a single one. */
  #blame(batch: Batch, { errorCode, recordErrors }: PartitionProduceResponse): void {
    const note = this.#notes.get(batch)!
    if (errorCode === ErrorCode.CORRUPT_MESSAGE) note.corruptions++
    const refused = BAD_CODES.includes(errorCode) || note.corruptions > 1
    const numbers = numbersIn(batch)
    for (const { batchIndex } of recordErrors) this.checks.blamed.add(numbers[batchIndex]!)
    if (refused && recordErrors.length === 0 && numbers.length === 1) this.checks.blamed.add(numbers[0]!)
  }

  #split(batch: Batch, parts: readonly Batch[]): void {
    for (const part of parts) {
      this.#watch(part)
      this.#notes.get(part)!.corruptions = this.#notes.get(batch)!.corruptions
    }
    this.batches.splice(this.batches.indexOf(batch), 1, ...parts)
  }

  #settled(batch: Batch, from: number, to: number, end: Outcome): void {
    const open = this.#isInFlight(batch) || this.#notes.get(batch)!.uncertain
    for (let i = from; i < to; i++)
      this.checks.settled(batch.records[i]!.metadata as number, i, batch.attempts > 0, open, end)
  }
}
