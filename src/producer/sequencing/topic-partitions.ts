import type { TopicMetadata } from '../../cluster/metadata-answer.js'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import { Partition } from '../model/partition.js'
import { Sequences } from '../model/sequences.js'
import type { Topic } from '../model/topic.js'
import { ledBy, retired } from './recovery.js'

/**
 * Applies metadata to a topic: adds its partitions and sets their leaders. Returns the partitions that restart in another epoch,
 * because an earlier topic of this name used their sequences.
 *
 * @param identity for partition numbers that no topic of this name has had.
 */
export function applyMetadata(
  topic: Topic,
  { leaders, leaderEpochs = [], topicId, error }: TopicMetadata,
  identity: ProducerIdAndEpoch | undefined,
  retries: number,
): Partition[] {
  const restarted: Partition[] = []
  for (let index = topic.partitions.length; index < leaders.length; index++) {
    const sequences = topic.sequences[index] ?? addSequences(topic, identity)
    const partition = new Partition(topic.name, index, retries, sequences)
    topic.partitions.push(partition)
    if (!sequences.used) continue
    sequences.bump()
    restarted.push(partition)
  }
  topic.error = error
  if (leaders.length > 0) {
    topic.state = 'known'
    // Fewer partitions under the same id mean an outdated answer.
    topic.count = topicId === '' ? leaders.length : topic.partitions.length
  }
  for (const partition of topic.partitions) {
    if (partition.topicId === '') partition.topicId = topicId
    // Without topic ids, a lower epoch may be that of a new topic.
    const epoch = topicId === '' ? -1 : (leaderEpochs[partition.index] ?? -1)
    ledBy(partition, leaders[partition.index] ?? -1, epoch)
  }
  return restarted
}

/** The topic was deleted and recreated: sends nothing more to the old one, and waits for requests in flight. */
export function retire(topic: Topic, successor: TopicMetadata): void {
  topic.state = 'ending'
  if (successor.leaders.length > 0) topic.successor = successor
  for (const partition of topic.partitions) retired(partition)
}

function addSequences(topic: Topic, identity: ProducerIdAndEpoch | undefined): Sequences {
  const sequences = new Sequences()
  sequences.identity = identity
  topic.sequences.push(sequences)
  return sequences
}
