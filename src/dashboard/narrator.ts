import { describe } from '../errors.js'
import type { ProducerEvent } from '../index.js'
import type { DashboardState, Line, PartitionState } from './state.js'
import type { LostRequest } from './window-watch.js'

/** Lines that a page gets when it is opened. */
const KEPT = 60

interface Told {
  readonly state: string
  readonly leader: number
}

type Kind = ProducerEvent['kind']

/** Which event ends a failure. A failure that has no end is told each time. */
const ENDS: { readonly [kind in Kind]?: Kind } = {
  connected: 'disconnected',
  metadata: 'metadataFailed',
  producerId: 'producerIdFailed',
}
const REPEATED: ReadonlySet<Kind> = new Set(Object.values(ENDS))

function keyOf(kind: Kind, event: ProducerEvent): string {
  return 'nodeId' in event ? `${kind} ${event.nodeId}` : kind
}

/** Says in one sentence each what happens, and which rule of the window it shows. */
export class Narrator {
  readonly lines: Line[] = []
  readonly #tell: (line: Line) => void
  readonly #told = new Map<string, Told>()
  /** What does not work at the moment, and how that was told. */
  readonly #failing = new Map<string, string>()
  #count = 0

  /** @param tell gets each line as it comes. */
  constructor(tell: (line: Line) => void) {
    this.#tell = tell
  }

  say(text: string, rule?: number): void {
    const line = { id: ++this.#count, at: Date.now(), text, rule }
    this.lines.push(line)
    if (this.lines.length > KEPT) this.lines.shift()
    this.#tell(line)
  }

  /** A failure that repeats itself is told once: it would bury what led to it. */
  event(event: ProducerEvent): void {
    const told = sentence(event)
    const ended = ENDS[event.kind]
    if (ended !== undefined) this.#failing.delete(keyOf(ended, event))
    if (told === undefined) return
    if (REPEATED.has(event.kind)) {
      const key = keyOf(event.kind, event)
      if (this.#failing.get(key) === told[0]) return
      this.#failing.set(key, told[0])
    }
    this.say(...told)
  }

  lost({ nodeId, batches, why }: LostRequest): void {
    const which = batches.length === 1 ? 'a batch' : `${batches.length} batches`
    this.say(`Broker ${nodeId} did not answer for ${which}, which may be stored: ${why}`, 9)
  }

  /** Compares partitions with those of the state before. */
  compare({ partitions }: DashboardState): void {
    const same = new Map<string, { names: string[]; rule: number }>()
    for (const partition of partitions) {
      const name = `${partition.topic}-${partition.partition}`
      const before = this.#told.get(name)
      this.#told.set(name, { state: partition.state, leader: partition.leader })
      for (const [text, rule] of before === undefined ? [] : changes(before, partition)) {
        const others = same.get(text)
        if (others === undefined) same.set(text, { names: [name], rule })
        else others.names.push(name)
      }
    }
    for (const [text, { names, rule }] of same) this.say(`${listed(names)}: ${text}`, rule)
  }
}

function sentence(event: ProducerEvent): [text: string, rule?: number] | undefined {
  switch (event.kind) {
    case 'connected':
      return [`Connected to broker ${event.nodeId} at ${event.address}.`]
    case 'reauthenticated':
      return [`Authenticated again at broker ${event.nodeId}.`]
    case 'plaintext':
      return [`A password or token goes unencrypted to ${event.address} (${event.mechanism}).`]
    case 'disconnected':
      return [`Broker ${event.nodeId} is not connected: ${describe(event.error)}`]
    case 'metadata':
      // What it changes, partitions tell.
      return undefined
    case 'metadataFailed':
      return [`Metadata is requested again: ${describe(event.error)}`]
    case 'producerIdFailed':
      return [`A producer id is requested again: ${describe(event.error)}`]
    case 'coordinatorFailed':
      return [`The coordinator is asked again: ${describe(event.error)}`]
    case 'transactionAborted':
      return [`A transaction was aborted: ${describe(event.error)}`]
    case 'producerId':
      return [`Producer id ${event.producerId}, epoch ${event.producerEpoch}.`]
    case 'retrying':
      return [`${event.topic}-${event.partition} is sent again: ${describe(event.error)}`, 5]
    case 'epochBumped':
      return [
        `${event.topic}-${event.partition} starts again at sequence 0, in epoch ${event.producerEpoch}: ${describe(event.error)}`,
        10,
      ]
    case 'dataLoss':
      return [`${event.topic}-${event.partition} may have lost acked records: ${describe(event.error)}`]
    case 'throttled':
      return [`Broker ${event.nodeId} asked for a pause of ${event.throttleTimeMs} ms (KIP-219).`]
    case 'blocked':
      return [`A source has waited a second for buffer memory: ${event.bufferedBytes} bytes have no ack yet.`]
    case 'interceptorFailed':
      return [`An interceptor failed in ${event.method}: ${describe(event.error)}`]
    case 'fatal':
      return [`The producer has ended: ${describe(event.error)}`]
    case 'closed':
      return ['The producer is closed.']
  }
}

function changes(before: Told, { state, leader, inFlight, returned }: PartitionState): [text: string, rule: number][] {
  const told: [string, number][] = []
  if (leader !== before.leader) {
    if (leader === -1) told.push(['no leader; its batches wait.', 6])
    else if (inFlight > 0) told.push([`moves to broker ${leader}, which gets nothing until all responses are in.`, 6])
    else told.push([`moves to broker ${leader}.`, 6])
  }
  if (state === before.state) return told
  if (state === 'draining')
    told.push(['muted; a batch came back, and nothing more is sent until all responses are in.', 5])
  if (state === 'paused') {
    const what = returned.length === 1 ? 'a batch is' : `${returned.length} batches are`
    told.push([`${what} at the front of the queue again, in sequence order; the next attempt is after a pause.`, 5])
  }
  if (state === 'probing') told.push(['probing; the first batch goes alone.', 7])
  if (state === 'open' && before.state === 'probing') told.push(['open; the leader has stored the probe.', 7])
  return told
}

function listed(names: readonly string[]): string {
  const [first, second, third, ...others] = names
  if (others.length > 0) return `${first}, ${second} and ${names.length - 2} others`
  return [first, second, third].filter(name => name !== undefined).join(', ')
}
