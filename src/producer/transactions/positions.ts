import { describe, KafkaError, printable } from '../../errors.js'
import type { GroupMember, GroupOffset } from './offsets.js'
import { always, type TransactionRequests } from './requests.js'

interface Stored {
  readonly topic: string
  /** Counts positions: the newest has the highest, whichever topic it stands beside. */
  readonly count: bigint
  readonly text: string
}

/**
 * Where the source of a producer stands, as it was committed last. It lives in Kafka's own group offsets: the group is the transactional id, the
 * metadata of an offset is the position. An offset stands beside a topic, here the first one that the transaction wrote to, in partition 0.
 */
export class Positions {
  readonly group: GroupMember
  readonly #requests: TransactionRequests
  #last: Stored | undefined
  #read = false

  constructor(transactionalId: string, requests: TransactionRequests) {
    this.group = { groupId: transactionalId, memberId: '', generationId: -1, groupInstanceId: null }
    this.#requests = requests
  }

  /** Returns the position that was committed last; undefined: there is none. Rejects when the coordinator does not tell. */
  async read(): Promise<string | undefined> {
    const { groupId } = this.group
    const topics = await this.#requests.fetchOffsets(groupId, always)
    if ('code' in topics) throw unreadable(groupId, topics.error)
    this.#read = true
    this.#last = undefined
    for (const { name: topic, partitions } of topics) {
      for (const { committedOffset: count, metadata } of partitions) {
        if (count > (this.#last?.count ?? -1n)) this.#last = { topic, count, text: metadata ?? '' }
      }
    }
    return this.#last?.text
  }

  /**
   * Returns the offset to commit for the next position.
   *
   * @param topic that the transaction writes to; undefined: it writes nothing. Then undefined is returned if no topic is known.
   */
  async next(text: string, topic: string | undefined): Promise<GroupOffset | undefined> {
    if (!this.#read) await this.read()
    const beside = topic ?? this.#last?.topic
    if (beside === undefined) return undefined
    const count = (this.#last?.count ?? -1n) + 1n
    this.#last = { topic: beside, count, text }
    return { topic: beside, partition: 0, offset: count, leaderEpoch: -1, metadata: text }
  }
}

function unreadable(groupId: string, cause: Error): KafkaError {
  const why = `the position of \`transactionalId\` '${printable(groupId)}' could not be read: ${describe(cause)}`
  return new KafkaError(
    `${why} It is stored in the offsets of the consumer group of that name, which the client must be allowed to read`,
    {
      cause,
    },
  )
}
