import { defer, map, type Observable, of, type SchedulerLike, share, throwError, timeout } from 'rxjs'
import { ConnectionError } from '../errors.js'
import type { Address } from '../transport/transport.js'

/** The addresses that a producer begins with, or a function that returns them. */
export type BootstrapList = readonly Address[] | (() => Promise<readonly Address[]>)

interface BootstrapOptions {
  readonly bootstrap: BootstrapList
  readonly scheduler: SchedulerLike
  /** Bounds the function as well: it may wait for another system. */
  readonly connectTimeoutMs: number
}

/** The bootstrap list. A function is called when nothing else is known, and whenever every known address has failed (KIP-899). */
export class Bootstrap {
  /** Emits the list once. Concurrent subscribers share one call of the function. */
  readonly list$: Observable<readonly Address[]>
  readonly #isFunction: boolean
  #last: readonly Address[]

  constructor({ bootstrap, scheduler, connectTimeoutMs }: BootstrapOptions) {
    this.#isFunction = typeof bootstrap === 'function'
    if (typeof bootstrap !== 'function') {
      this.#last = bootstrap
      this.list$ = of(bootstrap)
      return
    }
    this.#last = []
    const late = `option \`brokers\` returned no list within ${connectTimeoutMs} ms (option \`connectTimeoutMs\`)`
    this.list$ = defer(bootstrap).pipe(
      timeout({ first: connectTimeoutMs, scheduler, with: () => throwError(() => new ConnectionError(late)) }),
      map(list => {
        this.#last = list
        return list
      }),
      share(),
    )
  }

  /** What a function has returned is no longer true: it is called before anything else is tried. */
  forget(): void {
    if (this.#isFunction) this.#last = []
  }

  /** The list as it was last; empty if the function has returned none yet. */
  get addresses(): readonly Address[] {
    return this.#last
  }
}
