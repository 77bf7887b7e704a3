import type { History } from './history.js'

/** What happened, in order: at the brokers, and what became of each record. Times are virtual. */
export function timeline({ trace, settled }: History): string[] {
  return inOrder([
    ...trace.map(entry => ({ who: 'broker', ...entry })),
    ...settled.map(ack => ({ who: 'ack', ...ack })),
  ])
}

/** Entries of several kinds, one a line. */
export function inOrder(entries: readonly { readonly who: string; readonly at: number }[]): string[] {
  return entries
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, who, ...rest }) => `${at} ms  ${who.padEnd(6)}  ${JSON.stringify(rest, plain)}`)
}

/** JSON has no bigint. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value
}
