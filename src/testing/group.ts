import { type Observable, ReplaySubject, type SchedulerLike, Subscription, take } from 'rxjs'
import { ErrorCode } from '../protocol/error-codes.js'
import type { JoinGroupRequest, JoinGroupResponse } from '../protocol/join-group.js'
import type { SyncGroupRequest, SyncGroupResponse } from '../protocol/sync-group.js'

interface Member {
  readonly id: string
  readonly groupInstanceId: string | null
  protocols: JoinGroupRequest['protocols']
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  assignment: Uint8Array
  /** Its JoinGroup waits for the others. */
  joining: ReplaySubject<JoinGroupResponse> | undefined
  /** Its SyncGroup waits for the leader's. */
  syncing: ReplaySubject<SyncGroupResponse> | undefined
  session: Subscription
}

/**
 * One consumer group, by the classic protocol: members join, one of them is made leader and assigns, all sync.
 *
 * | phase | joins | syncs |
 * |---|---|---|
 * | stable | begin a rebalance, in which every member has to join again | get the assignment that they have |
 * | joining | wait until all members have joined, or the rebalance timeout is over | are told to join again |
 * | syncing | begin another rebalance | wait for the leader's assignments |
 */
export class Group {
  readonly #scheduler: SchedulerLike
  readonly #members = new Map<string, Member>()
  readonly offsets: Map<string, { offset: bigint; leaderEpoch: number; metadata: string | null }> = new Map()
  #phase: 'stable' | 'joining' | 'syncing' = 'stable'
  #generation = 0
  #leader = ''
  #protocolType = ''
  #protocolName = ''
  #rebalance: Subscription = Subscription.EMPTY
  #lastMember = 0

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler
  }

  join(request: JoinGroupRequest, clientId: string | null): Observable<JoinGroupResponse> {
    const answer = new ReplaySubject<JoinGroupResponse>(1)
    if (request.memberId !== '' && !this.#members.has(request.memberId)) {
      answer.next(joinAnswer(ErrorCode.UNKNOWN_MEMBER_ID, request.memberId))
      return answer.pipe(take(1))
    }
    const id = request.memberId === '' ? `${clientId ?? 'member'}-${++this.#lastMember}` : request.memberId
    const member: Member = {
      id,
      groupInstanceId: request.groupInstanceId,
      protocols: request.protocols,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs,
      assignment: Buffer.alloc(0),
      joining: answer,
      syncing: undefined,
      session: Subscription.EMPTY,
    }
    this.#members.get(id)?.session.unsubscribe()
    this.#members.set(id, member)
    this.#protocolType = request.protocolType
    this.#beginRebalance()
    this.#completeWhenAllJoined()
    return answer.pipe(take(1))
  }

  sync(request: SyncGroupRequest): Observable<SyncGroupResponse> {
    const answer = new ReplaySubject<SyncGroupResponse>(1)
    const error = this.check(request.memberId, request.generationId)
    const member = this.#members.get(request.memberId)
    if (error !== ErrorCode.NONE || member === undefined) answer.next(this.#syncAnswer(error, undefined))
    else if (this.#phase === 'stable') answer.next(this.#syncAnswer(ErrorCode.NONE, member))
    else {
      member.syncing = answer
      if (member.id === this.#leader) this.#assign(request.assignments)
    }
    return answer.pipe(take(1))
  }

  heartbeat(memberId: string, generationId: number): number {
    const error = this.check(memberId, generationId)
    const member = this.#members.get(memberId)
    if (member !== undefined) this.#watch(member)
    return error
  }

  /** Whether the member may act in this generation. A commit without a group has the generation -1 and no member. */
  check(memberId: string, generationId: number): number {
    if (memberId === '' && generationId < 0) return ErrorCode.NONE
    if (!this.#members.has(memberId)) return ErrorCode.UNKNOWN_MEMBER_ID
    if (generationId !== this.#generation) return ErrorCode.ILLEGAL_GENERATION
    return this.#phase === 'joining' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
  }

  leave(memberId: string): number {
    const member = this.#members.get(memberId)
    if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
    this.#remove(member)
    if (this.#members.size > 0) this.#beginRebalance()
    this.#completeWhenAllJoined()
    return ErrorCode.NONE
  }

  /** Ends every timer. */
  stop(): void {
    this.#rebalance.unsubscribe()
    for (const member of this.#members.values()) member.session.unsubscribe()
  }

  #beginRebalance(): void {
    if (this.#phase === 'joining') return
    this.#phase = 'joining'
    for (const member of this.#members.values()) {
      member.syncing?.next(this.#syncAnswer(ErrorCode.REBALANCE_IN_PROGRESS, undefined))
      member.syncing = undefined
    }
    const timeout = Math.max(0, ...[...this.#members.values()].map(member => member.rebalanceTimeoutMs))
    this.#rebalance = this.#scheduler.schedule(() => {
      for (const member of [...this.#members.values()]) if (member.joining === undefined) this.#remove(member)
      this.#completeWhenAllJoined()
    }, timeout)
  }

  #completeWhenAllJoined(): void {
    const members = [...this.#members.values()]
    if (this.#phase !== 'joining' || members.some(member => member.joining === undefined)) return
    this.#rebalance.unsubscribe()
    this.#generation++
    if (members.length === 0) {
      this.#phase = 'stable'
      return
    }
    this.#phase = 'syncing'
    if (!this.#members.has(this.#leader)) this.#leader = members[0]!.id
    const shared = members[0]!.protocols.find(({ name }) =>
      members.every(one => one.protocols.some(p => p.name === name)),
    )
    this.#protocolName = shared?.name ?? ''
    for (const member of members) {
      const answer = joinAnswer(ErrorCode.NONE, member.id)
      member.joining?.next({
        ...answer,
        generationId: this.#generation,
        protocolType: this.#protocolType,
        protocolName: this.#protocolName,
        leader: this.#leader,
        members: member.id === this.#leader ? members.map(one => this.#described(one)) : [],
      })
      member.joining = undefined
      this.#watch(member)
    }
  }

  #described({ id, groupInstanceId, protocols }: Member): JoinGroupResponse['members'][number] {
    const metadata = protocols.find(({ name }) => name === this.#protocolName)?.metadata ?? Buffer.alloc(0)
    return { memberId: id, groupInstanceId, metadata }
  }

  #assign(assignments: SyncGroupRequest['assignments']): void {
    this.#phase = 'stable'
    for (const member of this.#members.values()) {
      member.assignment = assignments.find(({ memberId }) => memberId === member.id)?.assignment ?? Buffer.alloc(0)
      member.syncing?.next(this.#syncAnswer(ErrorCode.NONE, member))
      member.syncing = undefined
    }
  }

  /** Without a sign of life within its session timeout a member is taken for dead. */
  #watch(member: Member): void {
    member.session.unsubscribe()
    member.session = this.#scheduler.schedule(() => this.leave(member.id), member.sessionTimeoutMs)
  }

  #remove(member: Member): void {
    member.session.unsubscribe()
    this.#members.delete(member.id)
    member.joining?.next(joinAnswer(ErrorCode.UNKNOWN_MEMBER_ID, member.id))
    member.syncing?.next(this.#syncAnswer(ErrorCode.UNKNOWN_MEMBER_ID, undefined))
  }

  #syncAnswer(errorCode: number, member: Member | undefined): SyncGroupResponse {
    return {
      throttleTimeMs: 0,
      errorCode,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
      assignment: member?.assignment ?? Buffer.alloc(0),
    }
  }
}

function joinAnswer(errorCode: number, memberId: string): JoinGroupResponse {
  const nothing = { generationId: -1, protocolType: null, protocolName: '', leader: '', members: [] }
  return { throttleTimeMs: 0, errorCode, memberId, ...nothing }
}
