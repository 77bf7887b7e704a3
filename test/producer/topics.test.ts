import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualTimeScheduler } from 'rxjs'
import { Topics } from '../../src/producer/batching/topics.js'
import { Partition } from '../../src/producer/model/partition.js'
import type { Topic } from '../../src/producer/model/topic.js'

test('metadata is outdated where a leader has a lower epoch than is known; epochs of another topic begin anew', () => {
  const options = { batchSize: 1, metadataMaxIdleMs: 1, compression: () => undefined }
  const topics = new Topics({ ...options, scheduler: new VirtualTimeScheduler() })
  const topic = topics.use('t') as Topic
  topic.ids.take('a')
  topic.partitions = [0, 1].map(index => new Partition('t', index, 1))
  topic.partitions[1]!.leaderEpoch = 5
  const isOutdated = (topicId: string, ...leaderEpochs: number[]): boolean =>
    topics.isOutdated({ name: 't', topicId, leaders: [1, 1], leaderEpochs, error: undefined })
  assert.equal(isOutdated('a', 0, 4), true)
  assert.equal(isOutdated('a', 0, 5), false)
  assert.equal(isOutdated('a', 0, -1), false, 'an epoch that is not known says nothing')
  assert.equal(isOutdated('a'), false)
  assert.equal(isOutdated('', 0, 4), false, 'without an id it may be another topic')
  assert.equal(isOutdated('b', 0, 0), false)
  // The id is the new topic's, and the partitions are still the old one's.
  topic.state = 'ending'
  assert.equal(isOutdated('a', 0, 4), false)
})
