import assert from 'node:assert/strict'
import type { Batch } from '../../src/producer/model/batch.js'
import type { Outcome } from '../../src/producer/model/outcome.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { Leader } from './leader.js'

/** Codes that say: what the broker knows of the producer does not fit the batch. */
const LOST_PLACE: readonly (number | undefined)[] = [
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.UNKNOWN_PRODUCER_ID,
  ErrorCode.INVALID_PRODUCER_EPOCH,
]

type End = 'acked' | 'no' | 'maybe'

/**
 * What must hold in every state: I1 to I4, and the invariants of the design that show in one partition. It goes by what was
 * sent, what was answered, what is in the log and what the user was told; it never asks the partition what it thinks.
 */
export class Checks {
  readonly #leader: Leader
  /** By record number; offset -1: acked, and the broker did not know where, or failed. */
  readonly #ends = new Map<number, { readonly kind: End; readonly offset: number }>()
  readonly #epochs = new Set<string>()
  #lastAcked = -1
  /** Since a batch was sent last: the first failure was that the batch is not next. Behind a failure that means nothing. */
  #lostPlace: boolean | undefined
  /** Since a batch was sent last: one that had been sent failed for good. */
  #gaveUp = false
  #bumped = false
  /** The broker lost what it knew of the producer, or says so. */
  forgotten = false
  /** Something has happened that may end a batch which may be stored: retries alone must not. */
  excused = false
  /** Records that a broker has refused, by name or alone in a batch: others must not fail for them. */
  readonly blamed: Set<number> = new Set()
  /** Something has happened that ends records for another reason. */
  givesUp = false

  constructor(leader: Leader) {
    this.#leader = leader
  }

  /** Records that have their end. */
  get ended(): number {
    return this.#ends.size
  }

  sent({ identity, baseSequence }: Batch): void {
    const epoch = `${identity!.producerId}.${identity!.producerEpoch}`
    if (this.#epochs.size > 0 && !this.#epochs.has(epoch)) {
      assert.equal(baseSequence, 0, 'invariant 7: a new epoch begins with sequence 0')
    }
    this.#epochs.add(epoch)
    this.#lostPlace = undefined
    this.#gaveUp = false
  }

  /** @param errorCode undefined: no answer came. */
  failed(errorCode: number | undefined): void {
    if (this.#lostPlace !== undefined) return
    this.#lostPlace = LOST_PLACE.includes(errorCode)
    assert.ok(
      !this.#lostPlace || this.forgotten,
      'invariants 6, 13, 14, 15: the first batch in flight is not next, though the broker forgot nothing',
    )
  }

  bumped(): void {
    this.#bumped = true
  }

  /** @param open it is in flight, or was not answered for certain. */
  settled(record: number, index: number, wasSent: boolean, open: boolean, end: Outcome): void {
    assert.ok(!this.#ends.has(record), `I5: record ${record} has two ends`)
    if (end.kind === 'acked') {
      assert.ok(record > this.#lastAcked, `invariant 1: record ${record} is acked behind record ${this.#lastAcked}`)
      this.#lastAcked = record
      this.#ends.set(record, { kind: 'acked', offset: end.baseOffset === -1n ? -1 : Number(end.baseOffset) + index })
      return
    }
    assert.equal(end.kind, 'failed')
    const { persisted } = end as Extract<Outcome, { kind: 'failed' }>
    assert.ok(persisted === 'maybe' || !open, `invariant 12: record ${record} may be stored, and is told to be lost`)
    assert.ok(
      persisted === 'no' || this.excused || this.#gaveUp,
      `rule 9: record ${record} may be stored, and was given up before its time`,
    )
    assert.ok(
      persisted === 'maybe' || this.givesUp || this.blamed.has(record),
      `record ${record} failed, and it is another one that was refused`,
    )
    this.#ends.set(record, { kind: persisted, offset: -1 })
    if (wasSent) this.#gaveUp = true
  }

  /** After each step: what the partition asked for in the course of it. */
  effects(): void {
    const justified = !this.#bumped || this.#lostPlace === true || this.#gaveUp
    assert.ok(justified, 'invariant 9: a new epoch, though no batch was given up and the first one in flight was next')
    this.#bumped = false
  }

  /** After each step: what is stored, against what was told. */
  log(): void {
    const offsets = new Map<number, number>()
    let before = -1
    let newestId = -1n
    for (const { numbers, baseOffset, batch } of this.#leader.log) {
      for (const [i, record] of numbers.entries()) {
        assert.ok(!offsets.has(record), `I2: record ${record} is stored twice`)
        offsets.set(record, baseOffset + i)
        // An epoch fences what is carried out late, but nothing fences an old producer id. The user was told.
        const unfenced = batch.producerId < newestId && this.#ends.get(record)?.kind === 'maybe'
        assert.ok(record > before || unfenced, `I3: record ${record} is stored behind record ${before}`)
        before = Math.max(record, before)
      }
      if (batch.producerId > newestId) newestId = batch.producerId
    }
    for (const [record, { kind, offset }] of this.#ends) {
      const stored = offsets.get(record)
      if (kind === 'acked') {
        assert.notEqual(stored, undefined, `I1: record ${record} was acked, and is not there`)
        if (offset !== -1)
          assert.equal(offset, stored, `I1: record ${record} was acked at ${offset}, and is at ${stored}`)
      }
      if (kind === 'no') assert.equal(stored, undefined, `I4: record ${record} is stored, and was told to be lost`)
    }
  }

  /** All that later checks depend on. */
  fingerprint(): string {
    const ends = [...this.#ends].sort(([a], [b]) => a - b).map(([record, { kind }]) => `${record}${kind}`)
    return `${ends}|${this.#lostPlace}${this.#gaveUp}|${[...this.blamed].sort()}`
  }
}
