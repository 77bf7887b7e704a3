import { type Observable, type SchedulerLike, Subscription } from 'rxjs'
import { BufferFullError, describe, ProducerClosedError } from '../../errors.js'
import type { WaitingOn } from '../model/events.js'

/** What a wait needs to know of the buffer. */
export interface AwaitedBuffer {
  readonly hasRoom: boolean
  /** Emits when memory was released; completes when the producer has ended. */
  readonly released$: Observable<void>
  /** Sends partially filled batches now. */
  flushOpenBatches(): void
  /** Returns the partitions that hold its memory, largest first. */
  waitingOn(): readonly WaitingOn[]
}

/** How long, in ms, a source waits before it is reported as blocked. */
const BLOCKED_AFTER_MS = 1_000

/** The waits of sources for buffer memory, each for at most `maxBlockMs`. */
export class BufferWait {
  readonly #buffer: AwaitedBuffer
  readonly #options: { readonly scheduler: SchedulerLike; readonly maxBlockMs: number; readonly bufferMemory: number }
  readonly #blocked: (waitingOn: readonly WaitingOn[]) => void
  #waiting = 0

  /** @param blocked called when a source has waited for a second, with what holds the memory. */
  constructor(
    buffer: AwaitedBuffer,
    options: { readonly scheduler: SchedulerLike; readonly maxBlockMs: number; readonly bufferMemory: number },
    blocked: (waitingOn: readonly WaitingOn[]) => void,
  ) {
    this.#buffer = buffer
    this.#options = options
    this.#blocked = blocked
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting
  }

  /**
   * Calls back once: when there is memory, or with the reason why there will be none.
   *
   * @param maxBlockMs how long to wait; default: the option.
   * @param hasRoom whether there is memory; default: for a record of any size.
   */
  wait(
    resume: (error?: Error) => void,
    maxBlockMs: number = this.#options.maxBlockMs,
    hasRoom: () => boolean = () => this.#buffer.hasRoom,
  ): Subscription {
    const { scheduler } = this.#options
    const waiting = new Subscription(() => this.#waiting--)
    this.#waiting++
    const over = (error?: Error): void => {
      waiting.unsubscribe()
      resume(error)
    }
    waiting.add(scheduler.schedule(() => this.#blocked(this.#buffer.waitingOn()), BLOCKED_AFTER_MS))
    // Records that hold the memory may expire at the same time, and go first.
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

  /** Returns the error of a source that has waited for `maxBlockMs`. */
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
