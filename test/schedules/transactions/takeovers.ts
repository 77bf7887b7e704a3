import type { TransactionHistory } from './history.js'

export interface Takeover {
  /** Its place among those of all instances. */
  readonly rank: number
  readonly at: number
}

/** When instances took the transactional id over; undefined: one never did. */
export function takeoversOf({ instances, trace }: TransactionHistory): readonly (Takeover | undefined)[] {
  const places = instances.map(({ events }) => {
    const first = events.find(event => event.kind === 'producerId')
    if (first?.kind !== 'producerId') return undefined
    return trace.findIndex(
      entry =>
        entry.kind === 'transaction' &&
        entry.state === 'Empty' &&
        entry.producerId === first.producerId &&
        entry.producerEpoch === first.producerEpoch,
    )
  })
  const order = places.filter(place => place !== undefined).sort((a, b) => a - b)
  return places.map(place =>
    place === undefined ? undefined : { rank: order.indexOf(place), at: trace[place]?.at ?? 0 },
  )
}

/** Whether the coordinator has aborted a transaction because it was open for too long. */
export function timedOut({ schedule, trace }: TransactionHistory): boolean {
  const { transactionTimeoutMs = 60_000 } = schedule.producer
  let openSince: number | undefined
  for (const entry of trace) {
    if (entry.kind !== 'transaction') continue
    if (entry.state === 'Ongoing') openSince = entry.at
    else {
      if (entry.state === 'PrepareAbort' && openSince !== undefined && entry.at >= openSince + transactionTimeoutMs)
        return true
      openSince = undefined
    }
  }
  return false
}
