import { type Observable, type SchedulerLike, Subscription } from 'rxjs'
import { BufferFullError, describe, ProducerClosedError } from '../../errors.js'
import type { WaitingOn } from '../model/events.js'

/** The buffer, seen by who waits for room in it. */
export interface Buffer {
  readonly hasRoom: boolean
  /** Emits when memory was released; completes when the producer has ended. */
  readonly released$: Observable<void>
  /** What is held back to fill up should go. */
  flushOpenBatches(): void
  /** Who holds it, most first. */
  waitingOn(): readonly WaitingOn[]
}

/** A source that has waited so long for room, in ms, is told of. */
const BLOCKED_AFTER_MS = 1_000

/** Where sources wait that can, until there is room in the buffer, or have waited for `maxBlockMs`. */
export class BufferWait {
  readonly #buffer: Buffer
  readonly #options: { readonly scheduler: SchedulerLike; readonly maxBlockMs: number; readonly bufferMemory: number }
  readonly #blocked: (waitingOn: readonly WaitingOn[]) => void

  /** @param blocked told when a source has waited for a second, and who holds the buffer then. */
  constructor(
    buffer: Buffer,
    options: { readonly scheduler: SchedulerLike; readonly maxBlockMs: number; readonly bufferMemory: number },
    blocked: (waitingOn: readonly WaitingOn[]) => void,
  ) {
    this.#buffer = buffer
    this.#options = options
    this.#blocked = blocked
  }

  /**
   * Calls back once: when there is room, or with the reason why there will be none.
   *
   * @param maxBlockMs how long to wait; not the option, for what has other limits.
   * @param hasRoom whether there is; other than for a record of any size.
   */
  wait(
    resume: (error?: Error) => void,
    maxBlockMs: number = this.#options.maxBlockMs,
    hasRoom: () => boolean = () => this.#buffer.hasRoom,
  ): Subscription {
    const { scheduler } = this.#options
    const waiting = new Subscription()
    const over = (error?: Error): void => {
      waiting.unsubscribe()
      resume(error)
    }
    waiting.add(scheduler.schedule(() => this.#blocked(this.#buffer.waitingOn()), BLOCKED_AFTER_MS))
    // What holds the buffer may be due at that very time, and is to go first.
    const timeIsUp = (): void => waiting.add(scheduler.schedule(() => over(this.timeout())))
    if (maxBlockMs < Number.POSITIVE_INFINITY) waiting.add(scheduler.schedule(timeIsUp, maxBlockMs))
    waiting.add(
      this.#buffer.released$.subscribe({
        next: () => {
          if (hasRoom()) over()
        },
        complete: () => over(new ProducerClosedError('the producer has ended')),
      }),
    )
    this.#buffer.flushOpenBatches()
    return waiting
  }

  /** Why what has waited for `maxBlockMs` gets no room. */
  timeout(): BufferFullError {
    const { maxBlockMs, bufferMemory } = this.#options
    const [most] = this.#buffer.waitingOn()
    const who =
      most === undefined
        ? ''
        : `; partition ${most.topic}-${most.partition} holds ${most.bytes} of them${most.error === undefined ? '' : `: ${describe(most.error)}`}`
    return new BufferFullError(
      `no room for another record within \`maxBlockMs\` (${maxBlockMs}): the buffer's ${bufferMemory} bytes (\`bufferMemory\`) wait for brokers${who}`,
    )
  }
}
