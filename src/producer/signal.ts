import { Subscription } from 'rxjs'

/** Does something with the signal's reason when it is aborted, or at once if it is already; unless it is unsubscribed before. */
export function onAbort(signal: AbortSignal, action: (reason: unknown) => void): Subscription {
  if (signal.aborted) {
    action(signal.reason)
    return Subscription.EMPTY
  }
  const listener = (): void => action(signal.reason)
  signal.addEventListener('abort', listener, { once: true })
  return new Subscription(() => signal.removeEventListener('abort', listener))
}
