/**
 * Returns the pause before the next attempt, in ms: doubles with every failure in a row, up to a maximum, with a jitter of 20 % so that many
 * clients do not return at once.
 */
export interface BackoffOptions {
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  /** Numbers from 0 up to 1, as Math.random. */
  readonly random: () => number
}

/** The first pause, in ms, while a coordinator completes the transaction before this one: that takes it a few round trips. */
const CONCURRENT_BACKOFF_MS = 1

/** Returns the back-off after CONCURRENT_TRANSACTIONS: begins with a short pause, and grows to the first of any other error. */
export function concurrentBackoff({ retryBackoffMs, random }: BackoffOptions): BackoffOptions {
  return {
    retryBackoffMs: Math.min(CONCURRENT_BACKOFF_MS, retryBackoffMs),
    retryBackoffMaxMs: retryBackoffMs,
    random,
  }
}

/** @param failures how many tries in a row failed, from 1. */
export function backoffMs(failures: number, options: BackoffOptions): number {
  const base = Math.min(options.retryBackoffMs * 2 ** Math.min(failures - 1, 30), options.retryBackoffMaxMs)
  return Math.round(base * (0.8 + 0.4 * options.random()))
}
