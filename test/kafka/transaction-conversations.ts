import { joinGroup } from '../../src/protocol/messages/join-group.js'
import { offsetCommit } from '../../src/protocol/messages/offset-commit.js'
import { syncGroup } from '../../src/protocol/messages/sync-group.js'
import { batch, type RawClient } from '../testing/raw-client.js'
import { CLASSIC, type RawProducer } from '../testing/transactions/raw-producer.js'

type Kind = 'new' | 'classic' | 'old'

/** The time of all records: Kafka begins a segment where a marker is much later than the records before it. */
export const NOW: number = Date.now()

/** What a conversation has: partitions, a group and a transactional id of its own. */
export interface Talk {
  readonly client: RawClient
  readonly kind: Kind
  readonly partition: number
  readonly a: string
  readonly b: string
  readonly group: string
  /** Its records have the time {@link NOW}. */
  producer(transactionalId?: string): RawProducer
  /** Notes an answer. */
  says(answer: Promise<string>): Promise<void>
  /** Notes the first answer that does not depend on whether Kafka has written its markers yet. */
  settles(ask: () => Promise<string>): Promise<void>
  /** Waits until every transaction in its partitions has ended. */
  ended(): Promise<void>
}

export interface Conversation {
  /** Versions of the requests with which it makes sense; all unless told. */
  readonly only?: readonly Kind[]
  /** Kafka 3.9 answers otherwise, which the embedded broker does not follow. */
  readonly since4?: boolean
  run(talk: Talk): Promise<void>
}

/** Begins a transaction: newer brokers add the partition when it is produced to. */
async function begin(talk: Talk, producer: RawProducer, ...partitions: string[]): Promise<void> {
  if (talk.kind !== 'new') await talk.settles(() => producer.add(...partitions))
}

async function started(talk: Talk, sequence = 0): Promise<RawProducer> {
  const producer = talk.producer()
  await talk.says(producer.init())
  await begin(talk, producer, talk.a)
  await talk.settles(() => producer.produce(talk.a, { sequence }))
  return producer
}

function wrong(producer: RawProducer, change: Partial<Pick<RawProducer, 'producerId' | 'epoch'>>): RawProducer {
  return Object.assign(producer.twin(), change)
}

/** Every request once. */
async function everything(talk: Talk, producer: RawProducer, settled = false): Promise<void> {
  const { a, group, says } = talk
  const ask = settled ? talk.settles : (one: () => Promise<string>): Promise<void> => says(one())
  await ask(() => producer.add(a))
  await ask(() => producer.produce(a, { sequence: 1 }))
  await ask(() => producer.addOffsets(group))
  await ask(() => producer.commitOffsets({ [a]: 5 }, {}, group))
  await ask(() => producer.twin().end(true))
  await ask(() => producer.twin().end(false))
}

export const conversations: Readonly<Record<string, Conversation>> = {
  'init again and again': {
    async run({ says, producer }) {
      const [one, another] = [producer(), producer()]
      await says(one.init())
      await says(another.init())
      await says(one.init())
    },
  },
  'init with what it has': {
    only: ['new', 'classic'],
    async run({ says, producer }) {
      const one = producer()
      await says(one.init())
      const before = one.twin()
      await says(one.reinit())
      await says(before.twin().reinit())
      await says(one.reinit())
      await says(before.reinit())
      await says(wrong(one, { epoch: one.epoch + 1 }).reinit())
      await says(wrong(one, { producerId: one.producerId + 1_000_000n }).reinit())
      await says(one.init({ producerId: one.producerId, producerEpoch: -1 }))
      await says(one.init({ producerId: -1n, producerEpoch: 0 }))
      await says(producer(`other-${one.transactionalId}`).init({ producerId: 12_345_678n, producerEpoch: 3 }))
    },
  },
  'limits of init': {
    async run({ says, producer }) {
      for (const timeoutMs of [900_001, 0, -1, 900_000]) await says(producer().init({ timeoutMs }))
      const nameless = producer('')
      await says(nameless.init())
      Object.assign(nameless, { producerId: 1n, epoch: 0 })
      await says(nameless.commit())
    },
  },
  'commit, abort, commit': {
    async run(talk) {
      const { a, b, says, settles, producer } = talk
      const one = producer()
      await says(one.init())
      const kept = talk.kind === 'new' ? 0 : 1
      for (const [round, committed] of [true, false, true, true, false].entries()) {
        await begin(talk, one, a, b)
        await settles(() => one.produce(a, { count: 2, sequence: kept * round * 3 }))
        await says(one.produce(a, { sequence: kept * round * 3 + 2 }))
        await says(one.produce(b, { sequence: kept * round }))
        await says(one.end(committed))
        await talk.ended()
      }
    },
  },
  'nothing to end': {
    async run({ says, settles, producer }) {
      const one = producer()
      await says(one.init())
      await says(one.commit())
      await settles(() => one.abort())
      await settles(() => one.commit())
      await settles(() => one.abort())
    },
  },
  'ends that are sent again after a commit': {
    async run(talk) {
      const one = await started(talk)
      const before = one.twin()
      await talk.says(one.commit())
      await talk.settles(() => before.twin().commit())
      await talk.settles(() => before.twin().abort())
      await talk.settles(() => one.twin().commit())
      await talk.settles(() => one.twin().abort())
      await talk.settles(() => one.twin().abort())
      await talk.settles(() => one.twin().commit())
    },
  },
  'ends that are sent again after an abort': {
    async run(talk) {
      const one = await started(talk)
      const before = one.twin()
      await talk.says(one.abort())
      await talk.settles(() => before.twin().abort())
      await talk.settles(() => before.twin().commit())
      await talk.settles(() => one.twin().commit())
      await talk.settles(() => one.twin().abort())
      await talk.settles(() => one.twin().abort())
      await talk.settles(() => one.twin().commit())
    },
  },
  'producing without adding': {
    async run(talk) {
      const { a, b, says, settles, producer } = talk
      const one = producer()
      await says(one.init())
      await says(one.produce(a))
      await says(one.commit())
      await talk.settles(() => one.add(b))
      await says(one.produce(a))
      await says(one.produce(b))
      await says(one.commit())
      await talk.ended()
      await settles(() => one.produce(b, { sequence: 0 }))
      await settles(() => one.produce(b, { sequence: 1 }))
      await talk.settles(() => one.abort())
    },
  },
  // Before, a later epoch was not verified while the transaction of an earlier one was open.
  'other epochs': {
    since4: true,
    async run(talk) {
      const one = await started(talk)
      await everything(talk, wrong(one, { epoch: one.epoch + 1 }))
      await everything(talk, wrong(one, { epoch: -1 }))
      await talk.says(one.commit())
      await talk.ended()
      await everything(talk, wrong(one, { epoch: one.epoch + 1 }), true)
    },
  },
  'another producer id': {
    async run(talk) {
      const one = await started(talk)
      await everything(talk, wrong(one, { producerId: one.producerId + 1_000_000n }))
      await talk.says(one.abort())
    },
  },
  'a transactional id that nobody has': {
    async run(talk) {
      const one = talk.producer(`nobody-${talk.partition}`)
      await everything(talk, Object.assign(one, { producerId: 7_654_321n, epoch: 0 }))
    },
  },
  'a second instance takes over an open transaction': {
    async run(talk) {
      const { a, says, settles, producer, ended } = talk
      const one = await started(talk)
      const another = producer()
      await says(another.init())
      await ended()
      await settles(() => another.init())
      await everything(talk, one, true)
      if (talk.kind !== 'old') await settles(() => one.twin().reinit())
      await begin(talk, another, a)
      await settles(() => another.produce(a))
      await says(another.commit())
    },
  },
  'a second instance takes over after the end': {
    async run(talk) {
      const { a, says, settles, producer, ended } = talk
      const one = await started(talk)
      await says(one.commit())
      await ended()
      const another = producer()
      await settles(() => another.init())
      await everything(talk, one, true)
      await begin(talk, another, a)
      await settles(() => another.produce(a))
      await says(another.abort())
    },
  },
  'init with what it has, with a transaction open': {
    only: ['new', 'classic'],
    async run(talk) {
      const { a, settles, says, ended } = talk
      const one = await started(talk)
      const before = one.twin()
      await says(one.reinit())
      await ended()
      await settles(() => one.reinit())
      await settles(() => one.init())
      await settles(() => before.reinit())
      await begin(talk, one, a)
      await settles(() => one.produce(a))
      await says(one.commit())
    },
  },
  'init with what it has, after an abort': {
    only: ['new', 'classic'],
    async run(talk) {
      const { a, settles, says, ended } = talk
      const one = await started(talk)
      const before = one.twin()
      await says(one.abort())
      await ended()
      await settles(() => before.twin().reinit())
      await settles(() => one.reinit())
      await settles(() => before.reinit())
      await begin(talk, one, a)
      await settles(() => one.produce(a, { sequence: 7 }))
      await settles(() => one.produce(a))
      await says(one.commit())
    },
  },
  'a transaction that takes too long': {
    async run(talk) {
      const { a, says, settles, producer, ended } = talk
      const one = producer()
      await says(one.init({ timeoutMs: 300 }))
      await begin(talk, one, a)
      await settles(() => one.produce(a))
      await ended()
      if (talk.kind !== 'old') await settles(() => one.twin().reinit())
      await everything(talk, one, true)
      await settles(() => one.init())
      await begin(talk, one, a)
      await settles(() => one.produce(a))
      await says(one.commit())
    },
  },
  'offsets are pending until the end': {
    async run(talk) {
      const { a, b, group, says, settles, producer } = talk
      const one = producer()
      await says(one.init())
      for (const [round, committed] of [true, false, true].entries()) {
        if (talk.kind !== 'new') await settles(() => one.addOffsets(group))
        await settles(() => one.commitOffsets({ [a]: 10 * round + 1, [b]: 10 * round + 2 }, {}, group))
        await says(one.commitOffsets({ [a]: 10 * round + 3 }, {}, group))
        await says(one.offset(a, true, group))
        await says(one.offset(a, false, group))
        await says(one.end(committed))
        await settles(() => one.offset(a, true, group))
        await settles(() => one.offset(b, true, group))
      }
    },
  },
  'offsets without their group being added': {
    async run(talk) {
      const { a, group, says, settles, producer } = talk
      const one = producer()
      await says(one.init())
      await says(one.commitOffsets({ [a]: 1 }, {}, group))
      await says(one.offset(a, true, group))
      await settles(() => one.commit())
      await settles(() => one.commitOffsets({ [a]: 2 }, {}, group))
      await settles(() => one.abort())
      await settles(() => one.offset(a, true, group))
    },
  },
  'offsets of topics that are not there': {
    async run(talk) {
      const { a, group, says, settles, producer } = talk
      const one = producer()
      await says(one.init())
      if (talk.kind !== 'new') await says(one.addOffsets(group))
      await says(one.commitOffsets({ 'nowhere/0': 1 }, {}, group))
      await settles(() => one.commitOffsets({ 'nowhere/0': 1, [a]: 2, 'b/100000': 3 }, {}, group))
      await says(one.commit())
      await settles(() => one.offset(a, true, group))
    },
  },
  'a commit without a transaction, in between': {
    async run(talk) {
      const { a, b, group, says, settles, producer, client } = talk
      const one = producer()
      await says(one.init())
      if (talk.kind !== 'new') await says(one.addOffsets(group))
      await settles(() => one.commitOffsets({ [a]: 1, [b]: 1 }, {}, group))
      await client.request(offsetCommit, 5, {
        groupId: group,
        generationIdOrMemberEpoch: -1,
        memberId: '',
        groupInstanceId: null,
        retentionTimeMs: -1n,
        topics: [
          {
            name: 'a',
            partitions: [
              { partitionIndex: talk.partition, committedOffset: 9n, committedLeaderEpoch: -1, committedMetadata: '' },
            ],
          },
        ],
      })
      await says(one.offset(a, true, group))
      await says(one.commit())
      await settles(() => one.offset(b, true, group))
      await settles(() => one.offset(a, true, group))
    },
  },
  // Before, any commit of a transaction created its group.
  'members of groups': {
    since4: true,
    only: ['new', 'classic'],
    async run(talk) {
      const { a, group, says, settles, producer, client } = talk
      const one = producer()
      await says(one.init())
      if (talk.kind !== 'new') await says(one.addOffsets(group))
      const commit = (offset: number, memberId: string, generationId: number, groupInstanceId: string | null = null) =>
        settles(() => one.commitOffsets({ [a]: offset }, { memberId, generationId, groupInstanceId }, group))
      await commit(1, 'nobody', 3)
      await commit(2, '', 3)
      await commit(3, 'nobody', -1)
      const member = { groupId: group, sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 30_000, groupInstanceId: null }
      const protocols = [{ name: 'range', metadata: Buffer.alloc(0) }]
      const joined = await client.request(joinGroup, 2, {
        ...member,
        memberId: '',
        protocolType: 'consumer',
        protocols,
      })
      const { memberId, generationId } = joined
      await commit(4, memberId, generationId)
      await client.request(syncGroup, 2, {
        ...member,
        memberId,
        generationId,
        protocolType: null,
        protocolName: null,
        assignments: [],
      })
      await commit(5, memberId, generationId + 1)
      await commit(6, memberId, generationId - 1)
      await commit(7, 'nobody', generationId)
      await commit(8, '', generationId)
      await commit(9, memberId, -1)
      await commit(10, 'nobody', -1)
      await commit(11, memberId, generationId, 'instance')
      await commit(12, '', -1)
      await commit(13, memberId, generationId)
      await settles(() => one.commit())
      await settles(() => one.offset(a, true, group))
    },
  },
  'partitions that are not there': {
    async run(talk) {
      const { a, says, settles, producer } = talk
      const one = producer()
      await says(one.init())
      await says(one.add('nowhere/0'))
      await says(one.add(a, 'nowhere/0', 'b/100000'))
      await says(one.produce('b/100000'))
      await settles(() => one.commit())
      await settles(() => one.add(a))
      await says(one.commit())
    },
  },
  'sequences in transactions': {
    async run(talk) {
      const { a, b, says, settles, producer, ended } = talk
      const one = producer()
      await says(one.init())
      await begin(talk, one, a, b)
      await settles(() => one.produce(a, { sequence: 5 }))
      await says(one.produce(a, { count: 3 }))
      await says(one.produce(a, { count: 3 }))
      await says(one.produce(a, { sequence: 4 }))
      await says(one.produce(a, { sequence: 3 }))
      await says(one.commit())
      await ended()
      await begin(talk, one, a)
      await settles(() => one.produce(a, { sequence: 3 }))
      await says(one.produce(a, { sequence: 4 }))
      await says(one.produce(a, { sequence: 0 }))
      await says(one.produce(a, { sequence: 1 }))
      await says(one.abort())
    },
  },
  'a first sequence that is not 0': {
    async run(talk) {
      const { a, b, says, settles, producer } = talk
      const one = producer()
      await says(one.init())
      await says(one.produce(a, { sequence: 3 }))
      await begin(talk, one, a, b)
      await settles(() => one.produce(a, { sequence: 4 }))
      await settles(() => one.produce(a, { sequence: 3 }))
      await says(one.produce(b, { sequence: 9 }))
      await says(one.produce(b, { sequence: 0 }))
      await says(one.abort())
    },
  },
  'batches of no transaction': {
    async run(talk) {
      const { a, b, says, client } = talk
      const one = await started(talk)
      await says(one.produce(a, { transactional: false, sequence: 1 }))
      await says(one.produce(b, { transactional: false }))
      await says(one.produce(a, { sequence: 1 }))
      await says(one.produce(a, { producerId: -1n, epoch: -1, sequence: -1 }))
      const { producerId, epoch } = one
      const bytes = batch({ producerId, epoch, sequence: 2, transactional: true, timestamp: NOW })
      const { responses } = await client.produce({ [a]: bytes })
      await says(Promise.resolve(`${responses[0]!.partitionResponses[0]!.errorCode}`))
      await says(one.commit())
    },
  },
  'several transactions in one partition': {
    async run(talk) {
      const { a, says, settles, producer } = talk
      const [one, two, three] = [1, 2, 3].map(i => producer(`${i} of ${talk.kind} ${talk.partition}`))
      const all = [one!, two!, three!]
      for (const each of all) await says(each.init())
      for (const each of all) await begin(talk, each, a)
      for (const each of all) await settles(() => each.produce(a))
      await says(one!.produce(a, { sequence: 1 }))
      await says(two!.abort())
      await settles(() => two!.init())
      await says(one!.commit())
      await settles(() => one!.init())
      await says(three!.produce(a, { sequence: 1 }))
      await says(three!.abort())
    },
  },
  'requests of two generations': {
    only: ['new'],
    async run(talk) {
      const { a, b, says, settles, producer } = talk
      const one = producer()
      const classic = (): RawProducer => one.twin(CLASSIC)
      await says(one.init())
      await says(classic().add(a))
      await says(classic().produce(a))
      await says(one.commit())
      await settles(() => classic().add(a))
      await settles(() => classic().produce(a))
      await says(classic().produce(b))
      await says(one.produce(b))
      await says(classic().commit())
      await settles(() => classic().commit())
      await settles(() => classic().abort())
      await settles(() => one.twin().commit())
      await settles(() => one.abort())
      await settles(() => classic().abort())
      await settles(() => classic().commit())
      await settles(() => one.twin().init())
      await everything(talk, classic(), true)
    },
  },
}
