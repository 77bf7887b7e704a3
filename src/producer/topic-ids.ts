/**
 * How long answers have to name an earlier topic, and nothing else, until it is taken for the one that is there, in ms: longer
 * than it takes a broker to hear of a new topic, and less than records wait. Ids are never used again, but a client may be led
 * to another cluster, and back.
 */
const BELIEVED_AFTER_MS = 10_000

/** Earlier ids that are kept of one name. */
const KEPT = 10

/**
 * The ids of the topics that have had one name. They have no order, so an id that is known from before is the word of a broker
 * that has not heard of the new topic yet, and any other one is a new topic's.
 */
export class TopicIds {
  /** Empty: none was told, as by brokers before Kafka 2.8. */
  #current = ''
  #former: readonly string[] = []
  /** Since when answers name an earlier topic. */
  #doubtedSince: number | undefined

  /** Whether an answer with this id is out of date. */
  isOutdated(id: string, now: number): boolean {
    if (id === '') return false
    if (!this.#former.includes(id)) {
      this.#doubtedSince = undefined
      return false
    }
    this.#doubtedSince ??= now
    return now - this.#doubtedSince < BELIEVED_AFTER_MS
  }

  /** Takes over the id of an answer that is not out of date; tells whether it is another topic's than the last one. */
  take(id: string): boolean {
    const last = this.#current
    if (id === '' || id === last) return false
    this.#current = id
    if (last === '') return false
    this.#former = [...this.#former.filter(one => one !== id), last].slice(-KEPT)
    this.#doubtedSince = undefined
    return true
  }
}
