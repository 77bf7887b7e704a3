import { type Observable, Subject, Subscription } from 'rxjs'
import { BrokerError } from '../errors.js'
import { brokerError, ErrorCode } from '../protocol/error-codes.js'
import { type LeaderMetadata, leaderMetadata } from '../protocol/messages/metadata.js'
import { ZERO_UUID } from '../protocol/wire/uuid.js'
import { backoffMs } from './backoff.js'
import type { Brokers, BrokersOptions } from './brokers.js'
import { readTopics, type TopicMetadata } from './metadata-answer.js'

export interface MetadataOptions extends BrokersOptions {
  readonly metadataMaxAgeMs: number
  readonly metadataRecoveryRebootstrapTriggerMs: number
  readonly allowAutoTopicCreation: boolean
}

export type MetadataEvent =
  | { readonly kind: 'metadata'; readonly topics: readonly TopicMetadata[] }
  | { readonly kind: 'metadataFailed'; readonly error: Error }

/** What the users of metadata know about a topic. */
export interface TopicUse {
  /** Whether records wait for something that the last metadata lacked: partitions, or a leader. */
  waits(topic: string): boolean
  /** Whether it has records without an ack. */
  isBusy(topic: string): boolean
  /** Whether it has been idle for long enough to be forgotten. */
  isIdle(topic: string): boolean
  /** Whether newer metadata is known: of another topic with this name, or of newer leaders. */
  isOutdated(topic: TopicMetadata): boolean
  /** Its metadata is no longer kept; {@link Metadata.use} must be called when it is used again. */
  forgotten(topic: string): void
}

/** A topic that is in use, or was refused recently. */
interface Asked {
  readonly name: string
  inUse: boolean
  /** When its metadata is requested next, by the scheduler's clock. */
  dueAt: number
  /** When its metadata was requested last. */
  askedAt: number
  /** Responses in a row that lacked what records wait for. */
  failures: number
  /** Whether its metadata turned out to be stale while a request was under way. */
  stale: boolean
}

/**
 * Keeps the metadata of the topics in use. Requests it on first use, for that topic alone; when it turns out to be stale; and, for all
 * topics together, when it has grown old. One request at a time. Failed requests are repeated, with back-off, while records wait.
 */
export class Metadata {
  readonly events$: Observable<MetadataEvent>
  readonly #events = new Subject<MetadataEvent>()
  readonly #options: MetadataOptions
  readonly #brokers: Brokers
  readonly #use: TopicUse
  readonly #topics = new Map<string, Asked>()
  #request: Subscription = Subscription.EMPTY
  #timer: Subscription = Subscription.EMPTY
  #asking = false
  #closed = false
  /** Requests in a row that no broker answered, and when the next one may be sent. */
  #failures = 0
  #notBefore = 0
  /** Since when metadata has been requested without a useful response. */
  #wantingSince: number | undefined

  constructor(options: MetadataOptions, brokers: Brokers, use: TopicUse) {
    this.#options = options
    this.#brokers = brokers
    this.#use = use
    this.events$ = this.#events.asObservable()
    brokers.otherClusters$.subscribe(error => this.#events.next({ kind: 'metadataFailed', error }))
  }

  /** Fetches the topic's metadata now, and keeps it fresh from here on. */
  use(topic: string): void {
    const known = this.#topics.get(topic)
    if (known?.inUse) return
    // A topic that was refused recently waits for its back-off.
    if (known !== undefined) known.inUse = true
    else this.#topics.set(topic, { name: topic, inUse: true, dueAt: this.#now, askedAt: 0, failures: 0, stale: false })
    this.#askSoon()
  }

  /** The topic is no longer in use. */
  drop(topic: string): void {
    const known = this.#topics.get(topic)
    if (known === undefined) return
    known.inUse = false
    if (known.failures === 0) this.#topics.delete(topic)
  }

  /** The metadata of these topics is stale: requests each again once its last metadata is `retryBackoffMs` old. */
  refresh(topics: Iterable<string>): void {
    let found = false
    for (const name of topics) {
      const topic = this.#topics.get(name)
      if (topic === undefined) continue
      found = true
      topic.stale = this.#asking
      topic.dueAt = Math.min(topic.dueAt, topic.askedAt + backoffMs(Math.max(topic.failures, 1), this.#options))
    }
    if (!found) return
    // The broker that sent it may be cut off from the others, and repeat it for ever.
    this.#brokers.lookElsewhere()
    this.#askSoon()
  }

  close(): void {
    this.#closed = true
    this.#request.unsubscribe()
    this.#timer.unsubscribe()
    this.#events.complete()
  }

  get #now(): number {
    return this.#options.scheduler.now()
  }

  /** Asks for what is due, or sees to it that this is done when something is. */
  #askSoon(): void {
    if (this.#asking || this.#closed) return
    let dueAt = Number.POSITIVE_INFINITY
    for (const topic of this.#topics.values()) if (topic.inUse) dueAt = Math.min(dueAt, topic.dueAt)
    this.#timer.unsubscribe()
    const delay = Math.max(dueAt, this.#notBefore) - this.#now
    if (delay <= 0) this.#ask()
    else if (delay < Number.POSITIVE_INFINITY) this.#timer = this.#options.scheduler.schedule(() => this.#ask(), delay)
  }

  #ask(): void {
    const { scheduler } = this.#options
    const now = scheduler.now()
    this.#forgetIdle(now)
    const due = [...this.#topics.values()].filter(({ inUse, dueAt }) => inUse && dueAt <= now)
    // Only topics that records wait for may be created: a deleted topic stays deleted.
    const wanted = due.filter(({ name }) => this.#use.waits(name))
    const asked = wanted.length > 0 ? wanted : this.#all(due)
    if (asked.length === 0) {
      this.#askSoon()
      return
    }
    this.#asking = true
    this.#wantingSince ??= now
    for (const topic of asked) topic.askedAt = now
    const request = {
      topics: asked.map(({ name }) => ({ topicId: ZERO_UUID, name })),
      allowAutoTopicCreation: this.#options.allowAutoTopicCreation && wanted.length > 0,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    }
    this.#request = this.#brokers.request(leaderMetadata, request).subscribe({
      next: response => this.#answered(asked, response),
      error: error => this.#failed(asked, error),
    })
  }

  /** What is old by now, and what will be soon: together they grow old again. */
  #all(due: readonly Asked[]): readonly Asked[] {
    const { metadataMaxAgeMs } = this.#options
    const old = due.some(({ askedAt }) => askedAt + metadataMaxAgeMs <= this.#now)
    if (!old) return due
    return [...this.#topics.values()].filter(topic => topic.inUse && (topic.failures === 0 || due.includes(topic)))
  }

  #answered(asked: readonly Asked[], response: LeaderMetadata): void {
    if (response.errorCode !== ErrorCode.NONE) {
      this.#useless(response.errorCode === ErrorCode.REBOOTSTRAP_REQUIRED)
      this.#failed(asked, new BrokerError(brokerError(response.errorCode)))
      return
    }
    this.#failures = 0
    this.#notBefore = 0
    this.#brokers.update(response.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
    if (this.#brokers.areReachable) this.#wantingSince = undefined
    else this.#useless(false)
    const told = readTopics(
      response,
      asked.map(({ name }) => name),
    )
    // The producer has newer metadata already.
    const topics = told.filter(topic => !this.#use.isOutdated(topic))
    for (const topic of told) this.#age(topic, !topics.includes(topic))
    this.#events.next({ kind: 'metadata', topics })
    // What is missing, but no record waits for, is not requested again and again.
    for (const topic of asked) {
      if (topic.inUse && topic.failures > 0 && !this.#use.waits(topic.name)) this.#rest(topic)
    }
    // A topic that was just created has no leader yet, whichever broker is asked.
    const useless = asked.some(({ inUse, failures }) => inUse && failures > 1)
    if (useless || topics.length < told.length) this.#brokers.lookElsewhere()
    this.#asking = false
    this.#askSoon()
  }

  /** A broker answered, and said nothing of use. If no other does for long, the bootstrap list may lead to better ones (KIP-1102). */
  #useless(rebootstrap: boolean): void {
    const since = this.#wantingSince ?? this.#now
    if (!rebootstrap && this.#now - since < this.#options.metadataRecoveryRebootstrapTriggerMs) {
      this.#brokers.lookElsewhere()
      return
    }
    this.#wantingSince = this.#now
    this.#brokers.rebootstrap()
  }

  /** Also one that is about to be dropped, for it may be used again at once. */
  #age({ name, error, leaders }: TopicMetadata, outdated: boolean): void {
    const topic = this.#topics.get(name)
    if (topic === undefined) return
    const lacking = outdated || error !== undefined || leaders.includes(-1)
    topic.failures = lacking ? topic.failures + 1 : 0
    if (lacking) topic.dueAt = this.#now + backoffMs(topic.failures, this.#options)
    else this.#rest(topic)
  }

  #rest(topic: Asked): void {
    topic.dueAt = this.#now + (topic.stale ? backoffMs(1, this.#options) : this.#options.metadataMaxAgeMs)
    topic.stale = false
  }

  #failed(asked: readonly Asked[], error: Error): void {
    this.#notBefore = this.#now + backoffMs(++this.#failures, this.#options)
    this.#events.next({ kind: 'metadataFailed', error })
    for (const topic of asked) {
      // There is no observer.
      if (this.#use.isBusy(topic.name)) topic.dueAt = this.#notBefore
      else this.#rest(topic)
    }
    this.#asking = false
    this.#askSoon()
  }

  /** Topics that nothing was written to for long, and what is left of refused ones. */
  #forgetIdle(now: number): void {
    for (const { name, inUse, dueAt, askedAt } of this.#topics.values()) {
      // If it is used again by then, its back-off goes on.
      if (!inUse && dueAt + (dueAt - askedAt) <= now) this.#topics.delete(name)
      if (!inUse || dueAt > now || !this.#use.isIdle(name)) continue
      this.#topics.delete(name)
      this.#use.forgotten(name)
    }
  }
}
