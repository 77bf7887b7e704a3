import { type Observable, Subject, Subscription } from 'rxjs'
import { type LeaderMetadata, leaderMetadata } from '../protocol/metadata.js'
import { backoffMs } from './backoff.js'
import type { Brokers, BrokersOptions } from './brokers.js'
import { readTopics, type TopicMetadata } from './metadata-answer.js'

export interface MetadataOptions extends BrokersOptions {
  readonly metadataMaxAgeMs: number
  readonly allowAutoTopicCreation: boolean
}

export type MetadataEvent =
  | { readonly kind: 'metadata'; readonly topics: readonly TopicMetadata[] }
  | { readonly kind: 'metadataFailed'; readonly error: Error }

/**
 * Keeps the metadata of the topics that are in use: asks on first use, when something shows that it is stale, and when it
 * has grown old. One request at a time; a wish that comes during one is answered by the next; failures back off.
 */
export class Metadata {
  readonly events$: Observable<MetadataEvent>
  readonly #events = new Subject<MetadataEvent>()
  readonly #options: MetadataOptions
  readonly #brokers: Brokers
  readonly #topics = new Set<string>()
  #request: Subscription = Subscription.EMPTY
  /** What is under way: nothing, a request, or the pause after one. */
  #phase: 'idle' | 'asking' | 'pausing' = 'idle'
  #wanted = false
  /** Something showed that the last answer is stale. */
  #stale = false
  #failures = 0
  /** The timer of a pause, or of the metadata's age. */
  #timer: Subscription = Subscription.EMPTY

  constructor(options: MetadataOptions, brokers: Brokers) {
    this.#options = options
    this.#brokers = brokers
    this.events$ = this.#events.asObservable()
  }

  /** Has the topic's metadata fetched now and kept fresh from here on. */
  use(topic: string): void {
    if (this.#topics.has(topic)) return
    this.#topics.add(topic)
    this.#wanted = true
    // A pause after an answer that was fine is there for stale metadata only; a new topic need not wait for it.
    if (this.#phase === 'idle' || (this.#phase === 'pausing' && this.#failures === 0)) this.#ask()
  }

  /** The topic is in use no more. */
  drop(topic: string): void {
    this.#topics.delete(topic)
  }

  /** Something showed that the metadata is stale. Asks as soon as the last answer is `retryBackoffMs` old. */
  refresh(): void {
    this.#wanted = true
    this.#stale = true
    if (this.#phase === 'idle') this.#ask()
  }

  close(): void {
    this.#request.unsubscribe()
    this.#timer.unsubscribe()
    // And stays so: nothing asks again.
    this.#phase = 'asking'
    this.#events.complete()
  }

  #ask(): void {
    this.#phase = 'asking'
    this.#wanted = false
    // Who gave it may be cut off from the others, and give the same for ever.
    if (this.#stale) this.#brokers.lookElsewhere()
    this.#stale = false
    this.#timer.unsubscribe()
    const asked = [...this.#topics]
    const request = {
      topics: asked.map(name => ({ topicId: Buffer.alloc(16), name })),
      allowAutoTopicCreation: this.#options.allowAutoTopicCreation,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    }
    this.#request = this.#brokers.request(leaderMetadata, request).subscribe({
      next: response => this.#answered(response, asked),
      error: error => {
        this.#events.next({ kind: 'metadataFailed', error })
        this.#pause(true)
      },
    })
  }

  #answered(response: LeaderMetadata, asked: readonly string[]): void {
    this.#brokers.update(response.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
    const topics = readTopics(response, asked)
    this.#events.next({ kind: 'metadata', topics })
    // Of a topic that is still in use now there is something to send, whatever was said of it.
    const wanting = topics.some(({ name, error, leaders }) => {
      return this.#topics.has(name) && (error !== undefined || leaders.includes(-1))
    })
    this.#pause(wanting)
  }

  /** Nothing is asked for a while. After a failure, or an answer that says "not yet", it is asked again by itself. */
  #pause(again: boolean): void {
    const { scheduler, metadataMaxAgeMs } = this.#options
    this.#failures = again ? this.#failures + 1 : 0
    this.#wanted ||= again
    // A topic that was created just now has no leader yet, says whoever is asked.
    this.#stale ||= this.#failures > 1
    this.#phase = 'pausing'
    const resume = (): void => {
      this.#phase = 'idle'
      // Nothing to ask for: the records that it was for have failed.
      if (this.#topics.size === 0) return
      if (this.#wanted) this.#ask()
      else this.#timer = scheduler.schedule(() => this.#ask(), metadataMaxAgeMs)
    }
    this.#timer = scheduler.schedule(resume, backoffMs(Math.max(this.#failures, 1), this.#options))
  }
}
