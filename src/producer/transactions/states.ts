/*
 * The states of one transaction. A producer runs its transactions one after the other, in the order in which they began; the next one may
 * gather records while the one before it ends.
 *
 * | state      | its records                                             | leaves when                                              |
 * |------------|---------------------------------------------------------|----------------------------------------------------------|
 * | gathering  | are accepted; nothing is sent, it is not its turn       | its turn → open; commit → gathered                       |
 * | gathered   | no more are accepted; nothing is sent                   | its turn → flushing                                      |
 * | open       | are accepted, and sent once their partitions are added  | commit → flushing                                        |
 * | flushing   | no more are accepted; those that are not acked are sent | all are acked, and offsets are stored → committing       |
 * | committing | are all acked                                           | the coordinator commits → committed                      |
 * | aborting   | are dropped; those in flight are awaited                | its turn, none in flight, the coordinator aborts → aborted |
 *
 * Until it is committing, a transaction may be aborted: by the user, though `commit()` was called, because a record of it failed, or because a
 * broker says so.
 */
export type TransactionState =
  | 'gathering'
  | 'gathered'
  | 'open'
  | 'flushing'
  | 'committing'
  | 'aborting'
  | 'committed'
  | 'aborted'

/** What happens to a transaction: `turn`: the one before it has ended; `stored`: its records are acked, its offsets are stored. */
export type TransactionStep = 'turn' | 'commit' | 'abort' | 'stored' | 'ended'

const NEXT: { readonly [S in TransactionState]: { readonly [step in TransactionStep]?: TransactionState } } = {
  gathering: { turn: 'open', commit: 'gathered', abort: 'aborting' },
  gathered: { turn: 'flushing', abort: 'aborting' },
  open: { commit: 'flushing', abort: 'aborting' },
  flushing: { stored: 'committing', abort: 'aborting' },
  // The coordinator may refuse the commit (TRANSACTION_ABORTABLE).
  committing: { ended: 'committed', abort: 'aborting' },
  aborting: { turn: 'aborting', abort: 'aborting', ended: 'aborted' },
  committed: {},
  aborted: {},
}

/** Returns the state that follows. @throws when the step is impossible, which is a mistake in this library. */
export function nextState(state: TransactionState, step: TransactionStep): TransactionState {
  const next = NEXT[state][step]
  if (next === undefined) throw new Error(`a transaction that is ${state} cannot ${step}`)
  return next
}
