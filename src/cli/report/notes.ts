import { describe } from '../../errors.js'
import type { ProducerEvent } from '../../index.js'
import type { Terminal } from './terminal.js'

/** Different notes that are printed: what goes wrong for hours is not to fill a log. */
const MOST = 100

/** Tells of what holds records up. The same text is told once. */
export class Notes {
  readonly #terminal: Terminal
  readonly #told = new Set<string>()

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  event(event: ProducerEvent): void {
    const text = textOf(event)
    if (text === undefined || this.#told.has(text) || this.#told.size >= MOST) return
    this.#told.add(text)
    this.#terminal.line(text)
  }
}

function textOf(event: ProducerEvent): string | undefined {
  switch (event.kind) {
    case 'retrying':
      return `${event.topic}-${event.partition}: trying again: ${describe(event.error)}`
    case 'dataLoss':
      return `${event.topic}-${event.partition}: ${describe(event.error)}`
    case 'metadataFailed':
    case 'producerIdFailed':
      return `trying again: ${describe(event.error)}`
    case 'throttled':
      return `broker ${event.nodeId} asks for pauses, as for a quota`
    case 'plaintext':
      return `the credentials go to ${event.address} unencrypted (${event.mechanism} without --ssl true)`
    case 'blocked': {
      const [most] = event.waitingOn
      if (most === undefined) return undefined
      const why = most.error === undefined ? '' : `: ${describe(most.error)}`
      return `waiting for ${most.topic}${most.partition === -1 ? '' : `-${most.partition}`}${why}`
    }
    default:
      return undefined
  }
}
