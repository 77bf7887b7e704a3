/** Longer than any process; the timer does nothing but be there. */
const FOR_EVER_MS = 2 ** 31 - 1

/** Those of all producers that hold the process. */
const holding = new Set<ProcessHold>()
let warns = false

/**
 * What keeps the process alive while there are records without an end, and only then: a producer that is idle, connected
 * or not, lets it exit. A process that is made to exit all the same says what it has lost.
 */
export class ProcessHold {
  readonly #bytes: () => number
  #timer: NodeJS.Timeout | undefined
  #holds = false

  /** @param bytes of records that have no terminal event yet. */
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

  /** The producer has ended. */
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
