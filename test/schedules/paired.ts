import type { Ack, Interceptor, ProducerRecord } from '../../src/index.js'

/** An interceptor that checks that each `onSend` is followed by one `onAck`. A record may be sent several times. */
export class Paired implements Interceptor {
  /** What is wrong. */
  readonly findings: string[] = []
  readonly #underway = new Map<object, number>()
  #closed = false

  onSend(record: ProducerRecord): ProducerRecord {
    if (this.#closed) this.findings.push('onSend after onClose')
    this.#underway.set(record, (this.#underway.get(record) ?? 0) + 1)
    return record
  }

  onAck({ record }: Ack): void {
    const count = this.#underway.get(record)
    // It failed before onSend.
    if (count === undefined) return
    if (count === 0) this.findings.push('more than one onAck for an onSend')
    else this.#underway.set(record, count - 1)
  }

  onClose(): void {
    this.#closed = true
    for (const count of this.#underway.values()) {
      if (count > 0) this.findings.push(`onSend ${count} times without onAck`)
    }
  }
}
