/**
 * How long, in ms, all metadata must name an earlier id, or earlier leaders, until the producer believes it: longer than brokers take to
 * hear of a new topic or leader, and shorter than records wait. Ids are never reused, but a client may be moved to another cluster and back.
 */
const BELIEVED_AFTER_MS = 10_000

/** How many earlier ids of a name are kept. */
const KEPT = 10

/**
 * The ids of the topics that have had one name. Ids have no order. An earlier id comes from a broker that has not heard of the new
 * topic yet; an unknown id belongs to a new topic.
 */
export class TopicIds {
  /** Empty: no metadata had an id, as before Kafka 2.8. */
  #current = ''
  #former: readonly string[] = []
  /** Since when all metadata is older. */
  #doubtedSince: number | undefined

  /**
   * Whether metadata with this id is outdated.
   *
   * @param hasOlderLeader whether it names a leader of a lower epoch than the known one, if the id is the current one.
   */
  isOutdated(id: string, hasOlderLeader: boolean, now: number): boolean {
    if (id === '') return false
    if (!this.#former.includes(id) && !(id === this.#current && hasOlderLeader)) {
      this.#doubtedSince = undefined
      return false
    }
    this.#doubtedSince ??= now
    return now - this.#doubtedSince < BELIEVED_AFTER_MS
  }

  /** Adopts the id of metadata that is not outdated. Returns whether it belongs to a new topic. */
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
