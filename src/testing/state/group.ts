import { type Observable, of, ReplaySubject, type SchedulerLike, Subscription, take } from 'rxjs'
import { ErrorCode } from '../../protocol/error-codes.js'
import type { JoinGroupRequest, JoinGroupResponse } from '../../protocol/messages/join-group.js'
import type { SyncGroupRequest, SyncGroupResponse } from '../../protocol/messages/sync-group.js'
import { GroupOffsets } from './group-offsets.js'

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
  /** Ids that were given out and not joined with yet, until they expire (KIP-394). */
  readonly #promised = new Map<string, Subscription>()
  readonly offsets: GroupOffsets = new GroupOffsets()
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

  /** @param mustKnowItsId a new member is given an id only, and joins when it comes back with that. */
  join(request: JoinGroupRequest, clientId: string | null, mustKnowItsId: boolean): Observable<JoinGroupResponse> {
    const refused = this.#joinError(request, mustKnowItsId)
    const id = request.memberId === '' ? `${clientId ?? 'member'}-${++this.#lastMember}` : request.memberId
    if (refused === ErrorCode.MEMBER_ID_REQUIRED) this.#promise(id, request.sessionTimeoutMs)
    if (refused !== ErrorCode.NONE) {
      return of(joinAnswer(refused, refused === ErrorCode.MEMBER_ID_REQUIRED ? id : request.memberId))
    }
    const answer = new ReplaySubject<JoinGroupResponse>(1)
    this.#keepPromise(id)
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

  #joinError({ memberId, protocolType, protocols }: JoinGroupRequest, mustKnowItsId: boolean): number {
    const known = this.#members.has(memberId) || this.#promised.has(memberId)
    if (memberId !== '' && !known) return ErrorCode.UNKNOWN_MEMBER_ID
    const others = [...this.#members.values()].filter(member => member.id !== memberId)
    const fits = protocols.some(({ name }) => others.every(other => other.protocols.some(p => p.name === name)))
    if (!fits || (others.length > 0 && protocolType !== this.#protocolType)) {
      return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    }
    return memberId === '' && mustKnowItsId ? ErrorCode.MEMBER_ID_REQUIRED : ErrorCode.NONE
  }

  #promise(id: string, timeoutMs: number): void {
    this.#promised.set(
      id,
      this.#scheduler.schedule(() => this.#promised.delete(id), timeoutMs),
    )
  }

  #keepPromise(id: string): void {
    this.#promised.get(id)?.unsubscribe()
    this.#promised.delete(id)
  }

  sync(request: SyncGroupRequest): Observable<SyncGroupResponse> {
    const answer = new ReplaySubject<SyncGroupResponse>(1)
    const error = this.check(request.memberId, request.generationId)
    const member = this.#members.get(request.memberId)
    if (error !== ErrorCode.NONE || member === undefined) answer.next(syncAnswer(error))
    else if (this.#phase === 'stable') answer.next(this.#synced(member))
    else {
      member.syncing = answer
      // It can't give a sign of life while it waits: its connection is busy with this.
      member.session.unsubscribe()
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

  /**
   * Whether offsets may be committed: also while the group is joining again, for that is when its members commit what they
   * have read. A commit without a group has the generation -1 and no member.
   */
  checkCommit(memberId: string, generationId: number): number {
    if (memberId === '' && generationId < 0) {
      return this.#members.size === 0 ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID
    }
    const error = this.check(memberId, generationId)
    if (error === ErrorCode.REBALANCE_IN_PROGRESS) return ErrorCode.NONE
    return error === ErrorCode.NONE && this.#phase === 'syncing' ? ErrorCode.REBALANCE_IN_PROGRESS : error
  }

  /**
   * Whether a transaction may commit offsets (KIP-447). As in Kafka, who says nothing of a member is not checked: producers before
   * that proposal, which were told apart by their transactional ids.
   */
  checkTxnCommit(memberId: string, generationId: number, groupInstanceId: string | null): number {
    const exists = this.#generation > 0 || this.#members.size > 0 || !this.offsets.isEmpty
    if (!exists && generationId >= 0) return ErrorCode.ILLEGAL_GENERATION
    if (generationId < 0 && (this.#members.size === 0 || (memberId === '' && groupInstanceId === null)))
      return ErrorCode.NONE
    const instance = [...this.#members.values()].find(member => member.groupInstanceId === groupInstanceId)
    if (groupInstanceId !== null && instance !== undefined && instance.id !== memberId) {
      return ErrorCode.FENCED_INSTANCE_ID
    }
    if (!this.#members.has(memberId) || (groupInstanceId !== null && instance === undefined)) {
      return ErrorCode.UNKNOWN_MEMBER_ID
    }
    return generationId === this.#generation ? ErrorCode.NONE : ErrorCode.ILLEGAL_GENERATION
  }

  /** Whether the member may act in this generation. */
  check(memberId: string, generationId: number): number {
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
    for (const id of [...this.#promised.keys()]) this.#keepPromise(id)
  }

  #beginRebalance(): void {
    if (this.#phase === 'joining') return
    this.#phase = 'joining'
    for (const member of this.#members.values()) this.#answerSync(member, syncAnswer(ErrorCode.REBALANCE_IN_PROGRESS))
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
      this.#answerSync(member, this.#synced(member))
    }
  }

  #answerSync(member: Member, answer: SyncGroupResponse): void {
    if (member.syncing === undefined) return
    member.syncing.next(answer)
    member.syncing = undefined
    this.#watch(member)
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
    member.syncing?.next(syncAnswer(ErrorCode.UNKNOWN_MEMBER_ID))
  }

  #synced({ assignment }: Member): SyncGroupResponse {
    const [protocolType, protocolName] = [this.#protocolType, this.#protocolName]
    return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, protocolType, protocolName, assignment }
  }
}

/** To a member that has not joined. */
export function joinAnswer(errorCode: number, memberId: string): JoinGroupResponse {
  const nothing = { generationId: -1, protocolType: null, protocolName: '', leader: '', members: [] }
  return { throttleTimeMs: 0, errorCode, memberId, ...nothing }
}

/** To a member that gets no assignment. */
export function syncAnswer(errorCode: number): SyncGroupResponse {
  return { throttleTimeMs: 0, errorCode, protocolType: null, protocolName: null, assignment: Buffer.alloc(0) }
}
