import type { Ack, ProducerEvent } from '../../src/index.js'
import type { TestCluster } from '../../src/testing/index.js'
import { type Liars, numberIn } from './liars.js'

/** What happened in a life, for a judge. */
export interface History {
  readonly cluster: TestCluster
  readonly liars: Liars
  readonly events: readonly ProducerEvent[]
  /** How many records were sent. They are numbered from 0. */
  readonly records: number
  readonly ends: ReadonlyMap<number, Ack<number>>
  /** How the stream of the records ended. */
  readonly over: Error | 'completed' | undefined
  /** When requests were sent and connections made, in order. */
  readonly calls: readonly number[]
}

/** More requests and connections within a second than this, and some for each broker that there seems to be, are a loop that does not back off. */
const MOST_CALLS = 150
const MOST_CALLS_PER_BROKER = 10

/** Everything that is wrong with a life that is over, and that no lie excuses. */
export function wrongWith(history: History): string[] {
  const { liars, records, ends, over, calls } = history
  const found: string[] = []
  if (over === undefined) found.push('the stream of records has no end')
  if (over instanceof Error && !liars.fatal) found.push(`the producer was ended by ${over.message}`)
  for (let number = 0; number < records; number++) {
    if (!ends.has(number)) found.push(`record ${number} has no end`)
  }
  const most = busiest(calls)
  if (most > MOST_CALLS + MOST_CALLS_PER_BROKER * liars.mostBrokers)
    found.push(`${most} requests and connections within a second`)
  return [...found, ...wrongTexts(history), ...wrongLogs(history)]
}

/** How many there are in the fullest second. */
export function busiest(calls: readonly number[]): number {
  let most = 0
  for (let from = 0, to = 0; to < calls.length; to++) {
    while (calls[from]! <= calls[to]! - 1_000) from++
    most = Math.max(most, to - from + 1)
  }
  return most
}

/** What brokers say reaches messages with what is not to be printed escaped. */
function wrongTexts({ events, ends }: History): string[] {
  const errors = [...events, ...ends.values()].flatMap(one => ('error' in one ? [one.error.message] : []))
  const raw = errors.find(message => /[^\P{C}\n]/u.test(message))
  return raw === undefined ? [] : [`a message with control characters: ${JSON.stringify(raw)}`]
}

/** What is stored against what the user was told, but for partitions of which the broker's own answer was false. */
function wrongLogs({ cluster, liars, ends }: History): string[] {
  const found: string[] = []
  const places = new Map<number, string[]>()
  for (const [topic, partitions] of cluster.topics) {
    for (let partition = 0; partition < partitions; partition++) {
      const name = `${topic}-${partition}`
      let last = -1
      for (const { offset, value } of cluster.records(topic, partition)) {
        const number = numberIn(value)
        places.set(number, [...(places.get(number) ?? []), `${name}@${offset}`])
        if (number < last && !liars.misled.has(name) && !liars.madeAnew.has(topic))
          found.push(`${name}: record ${number} stands behind ${last}`)
        last = number
      }
    }
  }
  for (const [number, end] of ends) {
    const at = places.get(number) ?? []
    const name = end.kind === 'acked' ? `${end.topic}-${end.partition}` : at[0]?.replace(/@.*/, '')
    if (name === undefined || liars.misled.has(name)) continue
    if (at.length > 1) found.push(`record ${number} is stored ${at.length} times: ${at.join(', ')}`)
    if (end.kind === 'failed') {
      if (end.persisted === 'no') found.push(`record ${number} is said not to be stored, and is at ${at[0]}`)
    } else if (at.length === 0) {
      found.push(`record ${number} is acked, and is not there`)
    } else if (end.offset !== -1n && !liars.misplaced.has(number) && at[0] !== `${name}@${end.offset}`) {
      found.push(`record ${number} is acked at ${name}@${end.offset}, and is at ${at[0]}`)
    }
  }
  return found
}
