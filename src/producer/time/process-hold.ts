/** The timer only keeps the process alive; its callback does nothing. */
const FOR_EVER_MS = 2 ** 31 - 1

/** The holds of all producers that keep the process alive. */
const holding = new Set<ProcessHold>()
let warns = false

/**
 * Keeps the process alive while there are records without an ack, and only then: an idle producer, connected or not, lets it exit. A process
 * that is made to exit earlier prints how much it may lose.
 */
export class ProcessHold {
  readonly #bytes: () => number
  #timer: NodeJS.Timeout | undefined
  #holds = false

  /** @param bytes returns the bytes of records that have no ack yet. */
  constructor(bytes: () => number) {
    this.#bytes = bytes
  }

  get bytes(): number {
    return this.#bytes()
  }

  hold(): void {
    if (this.#holds) return
    this.#holds = true
    holding.add(this)
    this.#timer ??= setInterval(() => {}, FOR_EVER_MS)
    this.#timer.ref()
    if (!warns) process.once('exit', warn)
    warns = true
  }

  release(): void {
    if (!this.#holds) return
    this.#holds = false
    holding.delete(this)
    this.#timer?.unref()
  }

  /** Releases the hold for good: the producer has ended. */
  stop(): void {
    this.release()
    clearInterval(this.#timer)
  }
}

function warn(): void {
  let bytes = 0
  for (const hold of holding) bytes += hold.bytes
  if (bytes === 0) return
  process.stderr.write(
    `rx-kafka: the process exits with ${bytes} bytes of records that no broker has confirmed, and they may be lost; await producer.close() first\n`,
  )
}
