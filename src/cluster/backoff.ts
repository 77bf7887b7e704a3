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

/** @param failures how many tries in a row failed, from 1. */
export function backoffMs(failures: number, options: BackoffOptions): number {
  const base = Math.min(options.retryBackoffMs * 2 ** Math.min(failures - 1, 30), options.retryBackoffMaxMs)
  return Math.round(base * (0.8 + 0.4 * options.random()))
}
