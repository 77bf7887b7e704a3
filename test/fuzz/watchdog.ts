import { Worker } from 'node:worker_threads'

/** How long a step may take, in ms. */
const PATIENCE_MS = 60_000

/** In a thread of its own: an endless loop lets no timer of the thread run that it is in. */
const SOURCE = `
const { workerData: { step, text, patienceMs } } = require('node:worker_threads')
let [last, since] = [-1, Date.now()]
setInterval(() => {
  const beat = Atomics.load(step, 1)
  if (beat !== last) [last, since] = [beat, Date.now()]
  if (Date.now() - since < patienceMs) return
  require('node:fs').writeSync(2, text + Atomics.load(step, 0) + '\\n')
  process.kill(process.pid)
}, 1000)
`

/** Watches over steps that are numbered: one that does not come to its end ends the process. */
export class Watchdog {
  /** The step, and how many have begun. */
  readonly #step = new Int32Array(new SharedArrayBuffer(8))
  readonly #worker: Worker

  /** @param text what is printed then, before the number of the step. */
  constructor(text: string) {
    this.#worker = new Worker(SOURCE, { eval: true, workerData: { step: this.#step, text, patienceMs: PATIENCE_MS } })
    this.#worker.unref()
  }

  begin(step: number): void {
    Atomics.store(this.#step, 0, step)
    Atomics.add(this.#step, 1, 1)
  }

  end(): void {
    void this.#worker.terminate()
  }
}
