import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { CoordinatorType, findCoordinator } from '../../src/protocol/messages/find-coordinator.js'
import { heartbeat } from '../../src/protocol/messages/heartbeat.js'
import { type JoinGroupResponse, joinGroup } from '../../src/protocol/messages/join-group.js'
import { leaveGroup } from '../../src/protocol/messages/leave-group.js'
import { offsetCommit } from '../../src/protocol/messages/offset-commit.js'
import { offsetFetch } from '../../src/protocol/messages/offset-fetch.js'
import { type SyncGroupResponse, syncGroup } from '../../src/protocol/messages/sync-group.js'
import { type Bench, type RawClient, startBench } from './raw-client.js'

const {
  NONE,
  UNKNOWN_MEMBER_ID,
  ILLEGAL_GENERATION,
  REBALANCE_IN_PROGRESS,
  MEMBER_ID_REQUIRED,
  INCONSISTENT_GROUP_PROTOCOL,
  NOT_COORDINATOR,
  UNKNOWN_TOPIC_OR_PARTITION,
} = ErrorCode

const SESSION = 10_000
const REBALANCE = 60_000

interface JoinOptions {
  readonly version?: number
  readonly protocols?: readonly string[]
  readonly protocolType?: string
}

/** A member of group `g`, with a connection of its own. */
class Member {
  memberId = ''
  generationId = -1
  readonly #bench: Bench
  readonly #client: RawClient
  readonly #name: string

  constructor(bench: Bench, client: RawClient, name: string) {
    this.#bench = bench
    this.#client = client
    this.#name = name
  }

  /** Version 2 unless told, which gives an id at once. */
  async join({
    version = 2,
    protocols = ['range'],
    protocolType = 'consumer',
  }: JoinOptions = {}): Promise<JoinGroupResponse> {
    const answer = await this.#client.request(joinGroup, version, {
      groupId: 'g',
      sessionTimeoutMs: SESSION,
      rebalanceTimeoutMs: REBALANCE,
      memberId: this.memberId,
      groupInstanceId: null,
      protocolType,
      protocols: protocols.map(name => ({ name, metadata: Buffer.from(`${this.#name}:${name}`) })),
    })
    if (answer.errorCode === NONE) Object.assign(this, { memberId: answer.memberId, generationId: answer.generationId })
    return answer
  }

  async sync(assignments: Readonly<Record<string, string>> = {}): Promise<[number, string]> {
    const answer: SyncGroupResponse = await this.#client.request(syncGroup, 3, {
      groupId: 'g',
      generationId: this.generationId,
      memberId: this.memberId,
      groupInstanceId: null,
      protocolType: null,
      protocolName: null,
      assignments: Object.entries(assignments).map(([memberId, text]) => ({ memberId, assignment: Buffer.from(text) })),
    })
    return [answer.errorCode, Buffer.from(answer.assignment).toString()]
  }

  async beat(generationId = this.generationId): Promise<number> {
    const request = { groupId: 'g', generationId, memberId: this.memberId, groupInstanceId: null }
    return (await this.#bench.wait(this.#client.request(heartbeat, 3, request))).errorCode
  }

  async leave(version = 4): Promise<number> {
    const members = version < 3 ? [] : [{ memberId: this.memberId, groupInstanceId: null }]
    const request = { groupId: 'g', memberId: version < 3 ? this.memberId : '', members }
    const answer = await this.#bench.wait(this.#client.request(leaveGroup, version, request))
    return answer.members[0]?.errorCode ?? answer.errorCode
  }

  commit(offset: bigint, topic = 't', partitionIndex = 0): Promise<number> {
    return commit(this.#bench, this.#client, offset, { ...this, topic, partitionIndex })
  }
}

async function commit(
  bench: Bench,
  client: RawClient,
  committedOffset: bigint,
  { memberId = '', generationId = -1, topic = 't', partitionIndex = 0 } = {},
): Promise<number> {
  const partition = { partitionIndex, committedOffset, committedLeaderEpoch: 3, committedMetadata: 'note' }
  const request = {
    groupId: 'g',
    generationIdOrMemberEpoch: generationId,
    memberId,
    groupInstanceId: null,
    retentionTimeMs: -1n,
    topics: [{ name: topic, partitions: [partition] }],
  }
  const { topics } = await bench.wait(client.request(offsetCommit, 7, request))
  return topics[0]!.partitions[0]!.errorCode
}

/** What is committed, as `topic/partition offset`; all of it where no partitions are given. */
async function committed(bench: Bench, client: RawClient, ...partitionIndexes: number[]): Promise<string[]> {
  const topics = partitionIndexes.length === 0 ? null : [{ name: 't', partitionIndexes }]
  const answer = await bench.wait(client.request(offsetFetch, 7, { groupId: 'g', topics, requireStable: false }))
  assert.equal(answer.errorCode, NONE)
  return answer.topics.flatMap(({ name, partitions }) =>
    partitions.map(partition => `${name}/${partition.partitionIndex} ${partition.committedOffset}`),
  )
}

async function member(bench: Bench, name = 'm'): Promise<Member> {
  return new Member(bench, await bench.connect(), name)
}

/** Two members that have synced; the first one leads. */
async function pair(bench: Bench): Promise<[Member, Member]> {
  const [a, b] = [await member(bench, 'a'), await member(bench, 'b')]
  await bench.wait(a.join())
  await bench.wait(a.sync({ [a.memberId]: 'all' }))
  const joining = b.join()
  await bench.time.advance(0)
  await bench.wait(Promise.all([a.join(), joining]))
  const synced = b.sync()
  await bench.wait(Promise.all([a.sync({ [a.memberId]: 'for a', [b.memberId]: 'for b' }), synced]))
  return [a, b]
}

describe('joining and syncing', () => {
  test('one member: it leads, is told of itself, and gets what it assigns', async () => {
    await using bench = await startBench()
    const a = await member(bench, 'a')
    const joined = await bench.wait(a.join({ protocols: ['range', 'sticky'] }))
    assert.equal(joined.errorCode, NONE)
    assert.equal(joined.generationId, 1)
    assert.equal(joined.leader, a.memberId)
    assert.equal(joined.protocolName, 'range')
    assert.deepEqual(
      joined.members.map(({ memberId, metadata }) => [memberId, Buffer.from(metadata).toString()]),
      [[a.memberId, 'a:range']],
    )
    assert.deepEqual(await bench.wait(a.sync({ [a.memberId]: 'all' })), [NONE, 'all'])
    assert.equal(await a.beat(), NONE)
    assert.deepEqual(await bench.wait(a.sync()), [NONE, 'all'], 'who syncs again gets the same')
  })

  test('a second one begins a rebalance: all join again, the leader assigns, each gets its own', async () => {
    await using bench = await startBench()
    const [a, b] = [await member(bench, 'a'), await member(bench, 'b')]
    await bench.wait(a.join())
    await bench.wait(a.sync({ [a.memberId]: 'all' }))

    let joined = false
    const joining = b.join({ protocols: ['sticky', 'range'] }).then(answer => {
      joined = true
      return answer
    })
    await bench.time.advance(100)
    assert.equal(joined, false, 'it waits for the first one')
    assert.equal(await a.beat(), REBALANCE_IN_PROGRESS)
    assert.deepEqual(await bench.wait(a.sync()), [REBALANCE_IN_PROGRESS, ''])
    const [asLeader, asFollower] = await bench.wait(Promise.all([a.join(), joining]))
    assert.deepEqual([asLeader.generationId, asFollower.generationId], [2, 2])
    assert.deepEqual([asLeader.leader, asFollower.leader], [a.memberId, a.memberId])
    assert.equal(asFollower.protocolName, 'range', 'the one that both know')
    assert.deepEqual(
      asLeader.members.map(({ metadata }) => Buffer.from(metadata).toString()),
      ['a:range', 'b:range'],
    )
    assert.deepEqual(asFollower.members, [])

    let synced = false
    const syncing = b.sync().then(answer => {
      synced = true
      return answer
    })
    await bench.time.advance(100)
    assert.equal(synced, false, 'it waits for the leader')
    assert.deepEqual(await bench.wait(a.sync({ [a.memberId]: 'for a', [b.memberId]: 'for b' })), [NONE, 'for a'])
    assert.deepEqual(await bench.wait(syncing), [NONE, 'for b'])
    assert.deepEqual([await a.beat(), await b.beat()], [NONE, NONE])
  })

  test('from version 4 on a new member is given an id first, and joins with that', async () => {
    await using bench = await startBench()
    const a = await member(bench)
    const required = await bench.wait(a.join({ version: 4 }))
    assert.equal(required.errorCode, MEMBER_ID_REQUIRED)
    assert.notEqual(required.memberId, '')
    a.memberId = required.memberId
    const joined = await bench.wait(a.join({ version: 4 }))
    assert.deepEqual([joined.errorCode, joined.memberId], [NONE, required.memberId])
  })

  test('an id that was given and not used within the session timeout is not known any more', async () => {
    await using bench = await startBench()
    const a = await member(bench)
    a.memberId = (await bench.wait(a.join({ version: 4 }))).memberId
    await bench.time.advance(SESSION)
    assert.equal((await bench.wait(a.join({ version: 4 }))).errorCode, UNKNOWN_MEMBER_ID)
  })

  test('a member without a protocol that all know, or of another type, is refused; the others go on', async () => {
    await using bench = await startBench()
    const [a, b] = [await member(bench, 'a'), await member(bench, 'b')]
    await bench.wait(a.join())
    await bench.wait(a.sync())
    for (const options of [{ protocols: ['other'] }, { protocols: [] }, { protocolType: 'connect' }]) {
      assert.equal((await bench.wait(b.join(options))).errorCode, INCONSISTENT_GROUP_PROTOCOL)
    }
    assert.equal(await a.beat(), NONE)
  })

  test('members and generations that are not known are refused', async () => {
    await using bench = await startBench()
    const [a, stranger] = [await member(bench), await member(bench)]
    await bench.wait(a.join())
    await bench.wait(a.sync())
    assert.equal(await a.beat(7), ILLEGAL_GENERATION)
    Object.assign(stranger, { memberId: 'x', generationId: 1 })
    assert.equal(await stranger.beat(), UNKNOWN_MEMBER_ID)
    assert.deepEqual(await bench.wait(stranger.sync()), [UNKNOWN_MEMBER_ID, ''])
    assert.equal((await bench.wait(stranger.join())).errorCode, UNKNOWN_MEMBER_ID)
    assert.equal(await stranger.leave(), UNKNOWN_MEMBER_ID)
    Object.assign(stranger, { memberId: '', generationId: -1 })
    assert.equal(await stranger.beat(), UNKNOWN_MEMBER_ID)
    assert.deepEqual(await bench.wait(stranger.sync()), [UNKNOWN_MEMBER_ID, ''])
  })
})

describe('members that go', () => {
  for (const version of [1, 4]) {
    test(`leave, version ${version}: the others rebalance at once, and another one leads`, async () => {
      await using bench = await startBench()
      const [a, b] = await pair(bench)
      assert.equal(await a.leave(version), NONE)
      assert.equal(await b.beat(), REBALANCE_IN_PROGRESS)
      const joined = await bench.wait(b.join())
      assert.deepEqual([joined.generationId, joined.leader, joined.members.length], [3, b.memberId, 1])
      assert.equal(await a.beat(), UNKNOWN_MEMBER_ID)
    })
  }

  test('a member that is silent for the session timeout is taken for dead', async () => {
    await using bench = await startBench()
    const [a, b] = await pair(bench)
    await bench.time.advance(SESSION - 1000)
    assert.equal(await a.beat(), NONE)
    await bench.time.advance(999)
    assert.equal(await a.beat(), NONE)
    await bench.time.advance(1)
    assert.equal(await a.beat(), REBALANCE_IN_PROGRESS)
    assert.equal((await bench.wait(a.join())).members.length, 1)
    assert.equal(await b.beat(), UNKNOWN_MEMBER_ID)
  })

  test('a member that does not join again within the rebalance timeout is left behind, however alive', async () => {
    await using bench = await startBench()
    const [a, b] = await pair(bench)
    assert.equal(await b.leave(), NONE)
    const fresh = await member(bench, 'c')
    const joining = fresh.join()
    for (let t = 0; t < REBALANCE; t += 5000) {
      assert.equal(await a.beat(), REBALANCE_IN_PROGRESS)
      await bench.time.advance(5000)
    }
    assert.equal((await bench.wait(joining)).leader, fresh.memberId)
    assert.equal(await a.beat(), UNKNOWN_MEMBER_ID)
  })

  test('the leader dies before it assigns: who waits for it is told to join again, and is still a member', async () => {
    await using bench = await startBench()
    const [a, b] = await pair(bench)
    const joining = b.join()
    await bench.time.advance(0)
    await bench.wait(Promise.all([a.join(), joining]))
    assert.deepEqual(await bench.wait(b.sync()), [REBALANCE_IN_PROGRESS, ''])
    assert.equal(bench.time.now(), SESSION)
    const joined = await bench.wait(b.join())
    assert.deepEqual([joined.errorCode, joined.leader], [NONE, b.memberId])
    await bench.time.advance(SESSION)
    assert.equal(await b.beat(), UNKNOWN_MEMBER_ID, 'from then on it has to give signs of life again')
  })

  test('when the last one leaves the group is empty, and begins again with the next generation', async () => {
    await using bench = await startBench()
    const [a, b] = await pair(bench)
    await a.leave()
    await b.leave()
    assert.equal(bench.time.pending, 0)
    a.memberId = ''
    const joined = await bench.wait(a.join())
    assert.ok(joined.generationId > 2, `generation ${joined.generationId}`)
    assert.equal(joined.leader, a.memberId)
  })
})

describe('offsets', () => {
  test('what a member commits is there, for itself and for others', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    assert.deepEqual(await committed(bench, client, 0, 1), ['t/0 -1', 't/1 -1'])
    assert.deepEqual(await committed(bench, client), [], 'all that was committed is nothing yet')
    const [a, b] = await pair(bench)
    assert.deepEqual([await a.commit(5n), await b.commit(7n, 't', 1), await a.commit(6n)], [NONE, NONE, NONE])
    assert.deepEqual(await committed(bench, client, 0, 1, 2), ['t/0 6', 't/1 7', 't/2 -1'])
    assert.deepEqual(await committed(bench, client), ['t/0 6', 't/1 7'])
    const request = { groupId: 'g', topics: [{ name: 't', partitionIndexes: [0] }], requireStable: false }
    const [topic] = (await bench.wait(client.request(offsetFetch, 5, request))).topics
    assert.deepEqual([topic?.partitions[0]?.committedLeaderEpoch, topic?.partitions[0]?.metadata], [3, 'note'])
    const other = await bench.wait(client.request(offsetFetch, 5, { ...request, groupId: 'h' }))
    assert.equal(other.topics[0]?.partitions[0]?.committedOffset, -1n)
  })

  test('a fault answers OffsetFetch with a code, as a whole or for the partitions that its rule names', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const [a, b] = await pair(bench)
    await a.commit(5n)
    await b.commit(7n, 't', 1)
    const fetch = async (version: number, topics: { name: string; partitionIndexes: number[] }[] | null) => {
      const answer = await bench.wait(
        client.request(offsetFetch, version, { groupId: 'g', topics, requireStable: false }),
      )
      const partitions = answer.topics.flatMap(topic => topic.partitions)
      return [answer.errorCode, ...partitions.map(one => [one.committedOffset, one.errorCode])]
    }
    const fault = { kind: 'error', code: ErrorCode.GROUP_AUTHORIZATION_FAILED } as const
    bench.cluster.inject({ api: 'OffsetFetch', fault })
    assert.deepEqual(await fetch(7, null), [fault.code])
    bench.cluster.inject({ api: 'OffsetFetch', fault, partition: 1 })
    const refused = [-1n, fault.code]
    assert.deepEqual(await fetch(7, null), [NONE, [5n, NONE], refused])
    // Before version 2 each partition has the code of the group.
    bench.cluster.inject({ api: 'OffsetFetch', fault })
    assert.deepEqual(await fetch(1, [{ name: 't', partitionIndexes: [0, 1] }]), [NONE, refused, refused])
    assert.deepEqual(await fetch(7, null), [NONE, [5n, NONE], [7n, NONE]])
  })

  test('a member may commit while the group joins again, not while it syncs, nor in another generation', async () => {
    await using bench = await startBench()
    const [a, b] = await pair(bench)
    const joining = b.join()
    await bench.time.advance(0)
    assert.equal(await a.commit(1n), NONE)
    await bench.wait(Promise.all([a.join(), joining]))
    assert.equal(await a.commit(2n), REBALANCE_IN_PROGRESS)
    await bench.wait(a.sync())
    assert.equal(await a.commit(3n), NONE)
    a.generationId--
    assert.equal(await a.commit(4n), ILLEGAL_GENERATION)
    b.memberId = 'x'
    assert.equal(await b.commit(4n), UNKNOWN_MEMBER_ID)
    assert.deepEqual(await committed(bench, await bench.connect()), ['t/0 3'])
  })

  test('without members anybody may commit; with members nobody from outside', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    assert.equal(await commit(bench, client, 9n), NONE)
    const a = await member(bench)
    await bench.wait(a.join())
    assert.equal(await commit(bench, client, 10n), UNKNOWN_MEMBER_ID)
    await a.leave()
    assert.deepEqual(await committed(bench, client), ['t/0 9'], 'offsets outlive the members')
  })

  test('nothing can be committed where there is no partition; what was committed goes with the topic', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    assert.equal(await commit(bench, client, 1n, { topic: 'u' }), UNKNOWN_TOPIC_OR_PARTITION)
    assert.equal(await commit(bench, client, 1n, { partitionIndex: 3 }), UNKNOWN_TOPIC_OR_PARTITION)
    assert.equal(await commit(bench, client, 1n), NONE)
    bench.cluster.deleteTopic('t')
    bench.cluster.createTopic('t', { partitions: 1 })
    assert.deepEqual(await committed(bench, client), [])
    assert.deepEqual(await committed(bench, client, 0), ['t/0 -1'])
  })
})

describe('the coordinator', () => {
  const find = async (bench: Bench, client: RawClient, version: number, keyType: number): Promise<[number, number]> => {
    const request = { key: version < 4 ? 'g' : '', keyType, coordinatorKeys: version < 4 ? [] : ['g'] }
    const answer = await bench.wait(client.request(findCoordinator, version, request))
    const { errorCode, nodeId, host, port } = version < 4 ? answer : answer.coordinators[0]!
    if (errorCode === NONE) assert.equal(`${host}:${port}`, bench.cluster.brokers[nodeId - 1])
    return [errorCode, nodeId]
  }

  test('is the first node that is up; others refuse; another one takes over with all that is known', async () => {
    await using bench = await startBench({ nodes: 2 })
    const second = await bench.connect(2)
    for (const version of [0, 3, 4]) {
      assert.deepEqual(await find(bench, second, version, CoordinatorType.GROUP), [NONE, 1])
    }
    const stranger = new Member(bench, second, 's')
    assert.equal((await bench.wait(stranger.join())).errorCode, NOT_COORDINATOR)
    assert.deepEqual(await bench.wait(stranger.sync()), [NOT_COORDINATOR, ''])
    assert.equal(await stranger.beat(), NOT_COORDINATOR)
    assert.equal(await stranger.leave(1), NOT_COORDINATOR)
    assert.equal(await stranger.commit(1n), NOT_COORDINATOR)
    assert.equal(await commit(bench, await bench.connect(1), 5n), NONE)
    await bench.cluster.stopNode(1)
    assert.deepEqual(await find(bench, second, 3, CoordinatorType.GROUP), [NONE, 2])
    assert.deepEqual(await committed(bench, second), ['t/0 5'])
  })

  test('there is none of any other kind', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    for (const version of [1, 4]) {
      const [errorCode, nodeId] = await find(bench, client, version, 2)
      assert.deepEqual([errorCode, nodeId], [ErrorCode.COORDINATOR_NOT_AVAILABLE, -1])
    }
  })
})
