import { KafkaError } from '../../errors.js'
import type { Compression } from '../../protocol/records/compression.js'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import { Decision } from '../sequencing/decision.js'
import {
  type BadRecords,
  type Failure,
  type Fate,
  fateOf,
  isInDoubt,
  isStored,
  LOST_PLACE,
  lossBehind,
  STORED_SOMEWHERE,
} from '../sequencing/fate.js'
import { halves, sift, suspects } from '../sequencing/split.js'
import { type Batch, NO_SEQUENCE, type Outcome, type ProduceResult } from './batch.js'
import { BatchQueue } from './batch-queue.js'
import { Sequences } from './sequencer.js'

/**
 * Where a partition stands with its leader.
 *
 * | phase    | it sends                                | and leaves when                                                         |
 * |----------|-----------------------------------------|-------------------------------------------------------------------------|
 * | probing  | one batch, with none in flight          | its leader stored it → open; anything else → draining, unless the next one can tell |
 * | open     | up to `maxInFlight`, of one epoch       | a batch was not stored, or expired in flight → draining; new leader, new epoch, or a rest → probing |
 * | draining | nothing                                 | no batch is in flight → rewind → paused, or probing if nothing is to be retried |
 * | paused   | nothing                                 | the back-off is over → probing                                          |
 */
export type Phase = 'probing' | 'open' | 'draining' | 'paused'

/** What a partition asks of its surroundings. Called when its own state is consistent again. */
export interface PartitionEffects {
  /** The batch ends. */
  settle(batch: Batch, end: Outcome): void
  /** The batch can't be stored as it is; these stand in for it. */
  split(batch: Batch, parts: readonly Batch[]): void
  /** Batches will be sent again: call {@link Partition.backOffEnded} after the back-off for so many failures in a row. */
  pause(partition: Partition, failures: number, error: Error): void
  /** Sequences begin anew, in a new epoch, or with a producer id that is still to come if the sequencer has none. */
  epochBumped(partition: Partition, error: Error): void
}

/**
 * The batches of one partition, from the one that is filling to those in flight, and what becomes of them when something
 * goes wrong. This is the recovery: with `verdicts.ts` it decides whether, when and as what a batch is sent again.
 */
export class Partition {
  readonly topic: string
  readonly index: number
  /** Node id; -1: nobody leads it now. */
  leader = -1
  readonly sequences: Sequences
  /** Its topic was deleted and recreated: it sends nothing more. */
  retired = false
  /** The node in whose line of partitions with something to send it stands; undefined: in none. */
  readyAt: number | undefined
  /** Bytes of the batch that was taken last. */
  lastSize = 0
  /** What its batches count for in `bufferMemory`. */
  bufferedBytes = 0
  readonly #effects: PartitionEffects
  readonly #retries: number
  #phase: Phase = 'probing'
  /** Not in flight, in the order in which they are to be sent; the last may still be filling. */
  #waiting: BatchQueue = new BatchQueue()
  /** In flight, in the order in which they were sent: to one broker, `#node`. */
  #inFlight: Batch[] = []
  #node = -1
  /** Something was sent since metadata came last. */
  #active = false
  /** Answered while draining, in sequence order: from the first one that was not stored on. */
  #answered: Batch[] = []
  /** In a row. */
  #failures = 0
  /** As whom it wrote the last batch that a broker confirmed. */
  #confirmed: ProducerIdAndEpoch | undefined

  /** @param sequencer that of an earlier topic's partition with the same name and number. */
  constructor(
    topic: string,
    index: number,
    retries: number,
    effects: PartitionEffects,
    sequencer: Sequences = new Sequences(),
  ) {
    this.sequences = sequencer
    this.topic = topic
    this.index = index
    this.#retries = retries
    this.#effects = effects
  }

  get phase(): Phase {
    return this.#phase
  }

  get inFlight(): number {
    return this.#inFlight.length
  }

  /** Whether it has nothing that has no end yet. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#inFlight.length === 0 && this.#answered.length === 0
  }

  /** The batch that records may be appended to. */
  get filling(): Batch | undefined {
    const { last } = this.#waiting
    return last === undefined || last.sealed ? undefined : last
  }

  /** Whether it holds batches that it can't send yet. */
  get stalled(): boolean {
    if (this.leader === -1) return true
    if (this.isEmpty) return false
    return this.#failures > 0 || this.#phase === 'draining' || (this.#inFlight.length > 0 && this.#node !== this.leader)
  }

  get oldest(): Batch | undefined {
    return this.#answered[0] ?? this.#inFlight[0] ?? this.#waiting.first
  }

  add(batch: Batch): void {
    this.#waiting.push(batch)
  }

  /** Whether a batch can go to the leader now, and has to wait for nothing but a free slot. */
  get sendable(): boolean {
    const head = this.#waiting.first
    if (head === undefined || isStored(head) || !(head.due || this.#waiting.length > 1)) return false
    if (this.leader === -1 || this.sequences.identity === undefined) return false
    if (this.#inFlight.length === 0) return this.#phase === 'open' || this.#phase === 'probing'
    const last = this.#inFlight[this.#inFlight.length - 1]!
    // An old leader that still owes an answer must give it first: two leaders could store out of order. So could one with
    // two epochs: it takes sequence 0 of a new epoch at any time, and nothing of the old one after that.
    const sameEpoch = last.identity === (head.identity ?? this.sequences.identity)
    // What follows a bad record is sent in vain.
    return this.#phase === 'open' && this.#node === this.leader && sameEpoch && !last.suspect
  }

  /** The batch that is next to be sent; only while {@link sendable}. */
  get next(): Batch {
    return this.#waiting.first!
  }

  /** Takes the next batch into flight, sequence and all. */
  sent(compression: Compression): Batch {
    const batch = this.#waiting.shift()!
    this.lastSize = batch.size
    batch.seal(compression)
    this.sequences.stamp(batch)
    // A new epoch begins as a new leader does.
    if (this.#phase === 'open' && batch.identity !== this.#confirmed) this.#phase = 'probing'
    batch.attempts++
    batch.result = undefined
    this.#inFlight.push(batch)
    this.#node = this.leader
    this.#active = true
    return batch
  }

  /**
   * Metadata names the leader. With a new one, the window opens again only after its first success; and so it does when
   * nothing was sent since metadata came last, for brokers forget a producer that is idle, and take whatever batch of it
   * comes first.
   */
  ledBy(leader: number): void {
    const idle = !this.#active && this.#inFlight.length === 0
    if (this.#phase === 'open' && (leader !== this.leader || idle)) this.#phase = 'probing'
    if (leader !== this.leader && this.#phase === 'probing' && this.#inFlight.length === 0) {
      // What another leader did not know says nothing of this one.
      this.#waiting = new BatchQueue([...this.#answered, ...this.#waiting.toArray()])
      this.#answered = []
    }
    this.leader = leader
    this.#active = false
  }

  /**
   * A request came to this for a batch that it carried. Called in the order in which the requests were sent.
   *
   * A broker that starts again knows the last batch of each producer only: older ones are out of sequence though it has
   * them. So where the first one may be stored and is out of sequence, and more that may be stored are behind it, these
   * are tried one after the other. If one is known, or is next, those before it are stored. (One that was stored before
   * does not tell that: a broker that had forgotten the producer takes any batch.)
   */
  answered(batch: Batch, verdict: ProduceResult): void {
    const ends = new Decision()
    this.#inFlight.splice(this.#inFlight.indexOf(batch), 1)
    batch.result = verdict
    if (isStored(batch) && this.#answered.length === 0) {
      ends.settle(batch)
      this.#settleStored(ends)
      this.#failures = 0
      this.#confirmed = batch.identity
      if (this.#phase === 'probing' && this.#node === this.leader) this.#phase = 'open'
      this.#convict(batch.counterpart, ends)
    } else {
      if (verdict.kind !== 'stored') batch.failure = verdict.error
      if (verdict.kind === 'unknown') batch.unresolved = true
      if (verdict.kind === 'corrupt') batch.corruptions++
      this.#answered.push(batch)
      const alone = this.#phase === 'probing' && this.#node === this.leader
      if (!(alone && isInDoubt(batch) && this.#nextTells(batch))) this.#phase = 'draining'
    }
    if (this.#phase === 'draining' && this.#inFlight.length === 0) this.#rewind(ends)
    this.#tell(ends)
  }

  /**
   * The batch has had `deliveryTimeoutMs`.
   *
   * @param obstacle what keeps the partition from sending, if anything is known to.
   */
  expired(batch: Batch, obstacle?: Error): void {
    const ends = new Decision()
    if (batch.settled || isStored(batch)) {
      // Those before it, for which it waited, were due before it.
      ends.settle(batch)
      this.#tell(ends)
      return
    }
    const inFlight = this.#inFlight.includes(batch)
    if (inFlight) batch.unresolved = true
    ends.expire(batch, inFlight ? undefined : obstacle)
    if (batch.baseSequence === NO_SEQUENCE) {
      this.#waiting.delete(batch)
    } else {
      // Its sequences are taken: what follows it can't be sent before it is clear what becomes of them.
      this.#phase = 'draining'
      if (this.#inFlight.length === 0) this.#rewind(ends)
    }
    this.#tell(ends)
  }

  /** The back-off is over. */
  backOffEnded(): void {
    if (this.#phase === 'paused') this.#phase = 'probing'
  }

  /** Everything that has no end yet ends with this error. */
  abandon(error: Error): void {
    const ends = new Decision()
    for (const batch of this.#inFlight) batch.unresolved = true
    this.#leave(ends, batch => ends.fail(batch, error))
    this.#tell(ends)
  }

  /** Nobody leads it any more: what is in flight is still to be answered. */
  retire(): void {
    this.retired = true
    this.leader = -1
  }

  /** Empties a retired partition with nothing in flight. Fails batches that may be stored; returns, in order, those that are not. */
  surrender(error: Error, ends: Decision): Batch[] {
    const left: Batch[] = []
    this.#leave(ends, batch => (batch.unresolved ? ends.fail(batch, error) : left.push(batch)))
    return left
  }

  /** Empties the partition: settles stored batches, and calls back for every other unsettled one. */
  #leave(ends: Decision, each: (batch: Batch) => unknown): void {
    const all = [...this.#answered, ...this.#inFlight, ...this.#waiting.toArray()]
    this.#answered = []
    this.#waiting = new BatchQueue()
    for (const batch of all) {
      if (isStored(batch)) ends.settle(batch)
      else if (!batch.settled) each(batch)
    }
  }

  /**
   * Nothing is in flight: puts what was sent and not stored back in sequence order, so that it can be sent again as it was.
   *
   * A batch that ends here leaves its sequences to those behind it, which are stamped anew. That is exact only where all
   * of them are certainly not stored: one that may be is never stamped anew but failed as such, and the rest goes on in a
   * new epoch, in which nothing can be taken for what was sent before. The same goes for what is left of one that had bad
   * records. One that is halved leaves nothing: the halves share its sequences.
   */
  #rewind(ends: Decision): void {
    const waiting = this.#waiting.toArray()
    const stamped = [...this.#answered, ...waiting.filter(batch => batch.baseSequence !== NO_SEQUENCE)]
    const brokenOff = this.#answered.some(({ result }) => result!.kind !== 'stored' && result!.kind !== 'outOfSequence')
    const kept: Batch[] = []
    let restart: 'no' | 'rebase' | 'bump' = 'no'
    let fenced = false
    let cause: Error | undefined
    for (const [i, batch] of stamped.entries()) {
      // Only of the first one does it mean that broker and producer disagree; behind a rejected one it is a consequence.
      const first = kept.length === 0 && restart === 'no'
      const inDoubt = first && isInDoubt(batch)
      if (inDoubt && this.#answered.some((other, j) => j > i && isStored(other) && other.identity === batch.identity)) {
        batch.result = STORED_SOMEWHERE
      }
      if (isStored(batch)) {
        // Acks come in order: its own waits for those before it, which are sent again.
        if (kept.length === 0) ends.settle(batch)
        else kept.push(batch)
        // The sequences before it can't be used any more, for it is there.
        if (restart === 'rebase') restart = 'bump'
        continue
      }
      const verdict = batch.result as Failure | undefined
      const undecided = inDoubt && (brokenOff || this.#nextTells(batch))
      const lostPlace = first && !undecided && verdict !== undefined && LOST_PLACE.has(verdict.kind)
      cause ??= lostPlace ? lossBehind(batch, verdict, this.#confirmed) : verdict?.error
      fenced ||= lostPlace && verdict.kind === 'fenced'
      const fate = fateOf(batch, verdict, lostPlace || restart !== 'no', this.#retries)
      const left = this.#leftOf(batch, fate, ends)
      if (left.length === 0 || fate === 'sifted') {
        // Sequences of it are free.
        const sameIdentity = batch.identity === this.sequences.identity
        if (batch.unresolved || !sameIdentity) restart = 'bump'
        else if (restart === 'no') {
          restart = 'rebase'
          this.sequences.rewindTo(batch.baseSequence)
        }
      }
      if (lostPlace) restart = 'bump'
      if (restart !== 'no') for (const one of left) one.unstamp()
      kept.push(...left)
    }
    if (restart === 'bump') {
      if (fenced) this.sequences.renew()
      else this.sequences.bump()
      ends.epochBump = cause ?? new KafkaError('a batch that may be stored has expired')
    }
    this.#answered = []
    this.#waiting = new BatchQueue([...kept, ...waiting.filter(batch => !stamped.includes(batch))])
    const head = kept[0]?.result as Failure | undefined
    // Behind a batch that was refused nothing is wrong with the next one.
    const error = restart === 'rebase' ? undefined : head?.error
    if (error === undefined || this.retired) {
      this.#phase = 'probing'
    } else {
      this.#phase = 'paused'
      ends.retry = { failures: ++this.#failures, error }
    }
  }

  /** Brings its fate about; gives what is left of it to be sent. */
  #leftOf(batch: Batch, fate: Fate, ends: Decision): Batch[] {
    if (fate === 'again') return [batch]
    if (fate === 'over') return []
    const verdict = batch.result as Failure
    if (fate === 'fails') {
      ends.fail(batch, verdict.error)
      return []
    }
    if (fate === 'halved') {
      const parts = verdict.kind === 'tooLarge' ? halves(batch) : suspects(batch)
      ends.split(batch, parts)
      return parts
    }
    const { refused, rest } = sift(batch, (verdict as BadRecords).named)
    const left = rest === undefined ? [] : [rest]
    if (refused[0]!.batch !== batch) ends.split(batch, [...refused.map(one => one.batch), ...left])
    for (const one of refused) ends.fail(one.batch, one.error)
    return left
  }

  /**
   * A half of a batch was stored, so a bad record is in the other one, which is split at once. A single record is sent, to
   * hear what is wrong with it.
   */
  #convict(half: Batch | undefined, ends: Decision): void {
    if (half === undefined || half !== this.#waiting.first || half.settled || half.count === 1) return
    const parts = suspects(half)
    this.#waiting.shift()
    this.#waiting = new BatchQueue([...parts, ...this.#waiting.toArray()])
    ends.split(half, parts)
  }

  /** The state is whole: an ack handler may send records from inside. */
  #tell({ splits, epochBump, retry, settled }: Decision): void {
    const effects = this.#effects
    for (const { batch, parts } of splits) effects.split(batch, parts)
    if (epochBump !== undefined) effects.epochBumped(this, epochBump)
    if (retry !== undefined) effects.pause(this, retry.failures, retry.error)
    for (const { batch, end } of settled) effects.settle(batch, end)
  }

  /** What was stored while one before it was not, once nothing before it is in flight any more. */
  #settleStored(ends: Decision): void {
    if (this.#inFlight.length > 0) return
    while (this.#waiting.first !== undefined && isStored(this.#waiting.first)) ends.settle(this.#waiting.shift()!)
  }

  /** The next one to be sent can tell whether this one is stored: one behind it that may be stored too, or it itself. */
  #nextTells(batch: Batch): boolean {
    const next = this.#waiting.first
    return next?.unresolved === true && !isStored(next) && next.identity === batch.identity
  }
}
