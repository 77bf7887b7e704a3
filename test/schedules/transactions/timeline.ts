import { inOrder } from '../timeline.js'
import type { TransactionHistory } from './history.js'

/** What happened, in order: at the brokers, to the instances, and what became of each record and transaction. */
export function timeline({ trace, settled, instances, transactions, logs }: TransactionHistory): string[] {
  const events = instances.flatMap(({ clientId, events }) =>
    events.map(event => ({ who: clientId, at: 0, ...event, ...('error' in event && { error: event.error.message }) })),
  )
  return [
    ...inOrder([
      ...trace.map(entry => ({ who: 'broker', ...entry })),
      ...settled.map(ack => ({ who: 'ack', ...ack })),
      ...events,
    ]),
    ...transactions.map((story, i) => `transaction ${i}: ${JSON.stringify(story)}`),
    ...logs.map(log => JSON.stringify(log)),
  ]
}
