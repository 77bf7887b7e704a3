import { Subscription } from 'rxjs'

type Action = (reason: unknown) => void

/** What is done when a signal is aborted. One listener serves all of it, for Node warns of more than ten. */
interface Watch {
  readonly actions: Set<Action>
  readonly listener: () => void
}

const watches = new WeakMap<AbortSignal, Watch>()

/** Does something with the signal's reason when it is aborted, or at once if it is already; unless it is unsubscribed before. */
export function onAbort(signal: AbortSignal, action: Action): Subscription {
  if (signal.aborted) {
    action(signal.reason)
    return Subscription.EMPTY
  }
  const watch = watches.get(signal) ?? listen(signal)
  const own: Action = reason => action(reason)
  watch.actions.add(own)
  return new Subscription(() => {
    watch.actions.delete(own)
    if (watch.actions.size > 0) return
    signal.removeEventListener('abort', watch.listener)
    watches.delete(signal)
  })
}

function listen(signal: AbortSignal): Watch {
  const actions = new Set<Action>()
  const listener = (): void => {
    // One action may take another one back.
    for (const action of actions) action(signal.reason)
  }
  const watch = { actions, listener }
  watches.set(signal, watch)
  signal.addEventListener('abort', listener, { once: true })
  return watch
}

/** Waits for a promise until the signal, if there is one, is aborted: then rejects with its reason at once. */
export async function unlessAborted<T>(signal: AbortSignal | undefined, start: () => Promise<T>): Promise<T> {
  if (signal === undefined) return start()
  signal.throwIfAborted()
  let abort = Subscription.EMPTY
  const aborted = new Promise<never>((_, reject) => {
    abort = onAbort(signal, reject)
  })
  try {
    return await Promise.race([start(), aborted])
  } finally {
    abort.unsubscribe()
  }
}
