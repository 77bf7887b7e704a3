import { Subscription } from 'rxjs'

type Action = (reason: unknown) => void

/** The actions of one signal. One listener serves all of them, because Node warns of more than ten. */
interface Watch {
  readonly actions: Set<Action>
  readonly listener: () => void
}

const watches = new WeakMap<AbortSignal, Watch>()

/** Calls `action` with the signal's reason when it is aborted, or at once if it is already. Unsubscribing cancels it. */
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
    // An action may cancel another one.
    for (const action of actions) action(signal.reason)
  }
  const watch = { actions, listener }
  watches.set(signal, watch)
  signal.addEventListener('abort', listener, { once: true })
  return watch
}

/** Waits for a promise. Rejects with the signal's reason as soon as the signal is aborted. */
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
