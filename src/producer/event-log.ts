import type { SchedulerLike } from 'rxjs'
import { describe, IdleConnectionError, printable } from '../errors.js'
import { toPlain } from '../json.js'
import type { ProducerEvent } from './model/events.js'
import type { Logger } from './model/logger.js'

type Level = keyof Logger
type Line = readonly [level: Level, message: string]

/** What may happen very often is logged above `debug` at most so often, in ms. */
const QUIET_MS = 30_000

/** Failures in a row from which on a partition is worth a warning: some seconds, more than a leader change takes. */
const PERSISTENT = 8

/**
 * Logs events so that `info` tells an outage in a few lines: when something breaks, and when it works again. What repeats meanwhile is
 * `debug`. docs/events.md has the level of each event.
 */
export class EventLog {
  readonly #logger: Logger
  readonly #scheduler: SchedulerLike
  /** What does not work, and since when: `broker 1`, `metadata`, `producer id`. */
  readonly #broken = new Map<string, number>()
  /** Brokers that have been connected before. */
  readonly #met = new Set<number>()
  /** When an event of this kind was last logged above `debug`. */
  readonly #said = new Map<string, number>()
  #warned = false

  constructor(logger: Logger, scheduler: SchedulerLike) {
    this.#logger = logger
    this.#scheduler = scheduler
  }

  log(event: ProducerEvent): void {
    const [level, message] = this.#line(event)
    try {
      this.#logger[level](fieldsOf(event), message)
    } catch (error) {
      if (this.#warned) return
      this.#warned = true
      process.emitWarning(`rx-kafka: option \`logger\` failed: ${describe(error)}`, { code: 'RX_KAFKA_LOGGER' })
    }
  }

  #line(event: ProducerEvent): Line {
    switch (event.kind) {
      case 'connected': {
        const broker = `broker ${event.nodeId} at ${event.address}`
        const broken = this.#fixed(`broker ${event.nodeId}`)
        const isNew = !this.#met.has(event.nodeId)
        this.#met.add(event.nodeId)
        if (broken !== undefined) return ['info', `connected to ${broker} ${isNew ? '' : 'again '}after ${broken}`]
        return [isNew ? 'info' : 'debug', `connected to ${broker}`]
      }
      case 'disconnected': {
        const broker = `broker ${event.nodeId} at ${event.address}`
        const why = reason(event.error)
        if (event.error instanceof IdleConnectionError) return ['debug', `left ${broker}, which was idle: ${why}`]
        if (!this.#breaks(`broker ${event.nodeId}`)) return ['debug', `still not connected to ${broker}: ${why}`]
        const what = this.#met.has(event.nodeId) ? 'lost the connection to' : 'could not connect to'
        return ['warn', `${what} ${broker}, trying again: ${why}`]
      }
      case 'reauthenticated':
        return ['debug', `renewed the session with broker ${event.nodeId} at ${event.address}`]
      case 'metadata':
        return this.#works('metadata', 'got the metadata')
      case 'metadataFailed':
        return this.#fails('metadata', 'could not get the metadata', event.error)
      case 'producerId':
        return this.#works('producer id', `got the producer id ${event.producerId}`)
      case 'producerIdFailed':
        return this.#fails('producer id', 'could not get a producer id', event.error)
      case 'coordinatorFailed':
        return this.#seldom(event, 'warn', `a coordinator did not answer, trying again: ${reason(event.error)}`)
      case 'transactionAborted':
        return ['warn', `a transaction was aborted: ${reason(event.error)}`]
      case 'retrying': {
        const where = `${event.topic}-${event.partition}`
        const text = `the records of ${where} were not stored ${times(event.failures)}, trying again: ${reason(event.error)}`
        return event.failures < PERSISTENT ? ['debug', text] : this.#seldom(event, 'warn', text)
      }
      case 'epochBumped': {
        const { topic, partition, producerEpoch, error } = event
        return ['info', `${topic}-${partition} goes on in epoch ${producerEpoch}: ${reason(error)}`]
      }
      case 'dataLoss':
        return ['error', `${event.topic}-${event.partition} may have lost acked records: ${reason(event.error)}`]
      case 'plaintext':
        return ['warn', `${event.mechanism} sends secrets to ${event.address} unencrypted: set option \`ssl\``]
      case 'throttled': {
        const text = `broker ${event.nodeId} asked for a pause of ${event.throttleTimeMs} ms, as for a quota`
        return this.#seldom(event, 'info', text)
      }
      case 'blocked': {
        const [most] = event.waitingOn
        const holder = most && `, most of them of ${most.topic}-${most.partition}: ${reason(most.error)}`
        return this.#seldom(
          event,
          'warn',
          `a source waits: ${event.bufferedBytes} bytes wait for brokers${holder ?? ''}`,
        )
      }
      case 'interceptorFailed':
        return this.#seldom(event, 'warn', `${event.method}() of an interceptor failed: ${reason(event.error)}`)
      case 'fatal':
        return ['error', `the producer cannot go on: ${reason(event.error)}`]
      case 'closed':
        return ['info', 'the producer is closed']
    }
  }

  /** Returns false if it was broken before. */
  #breaks(what: string): boolean {
    if (this.#broken.has(what)) return false
    this.#broken.set(what, this.#scheduler.now())
    return true
  }

  /** Returns how long it was broken, if it was. */
  #fixed(what: string): string | undefined {
    const since = this.#broken.get(what)
    this.#broken.delete(what)
    return since === undefined ? undefined : `${((this.#scheduler.now() - since) / 1000).toFixed(1)} s`
  }

  #fails(what: string, text: string, error: Error): Line {
    return [this.#breaks(what) ? 'warn' : 'debug', `${text}, trying again: ${reason(error)}`]
  }

  #works(what: string, text: string): Line {
    const broken = this.#fixed(what)
    return broken === undefined ? ['debug', text] : ['info', `${text} after ${broken}`]
  }

  #seldom({ kind }: ProducerEvent, level: Level, text: string): Line {
    const now = this.#scheduler.now()
    if (now - (this.#said.get(kind) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return ['debug', text]
    this.#said.set(kind, now)
    return [level, text]
  }
}

/** Formats an error in one line: whatever it quotes can't end the line, or move the cursor. */
function reason(error: Error | undefined): string {
  return error === undefined ? 'no reason is known' : printable(describe(error).replace(/\s*\n\s*/g, '; '))
}

function times(failures: number): string {
  return failures === 1 ? 'once' : `${failures} times in a row`
}

/** Returns the event as plain data. Metadata may name very many partitions, so only its topics are counted. */
function fieldsOf(event: ProducerEvent): object {
  if (event.kind === 'metadata') return { kind: event.kind, topics: event.topics.length }
  return escaped(toPlain({ ...event })) as object
}

function escaped(value: unknown): unknown {
  if (typeof value === 'string') return printable(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(escaped)
  const fields = Object.entries(value).filter(([, one]) => one !== undefined)
  return Object.fromEntries(fields.map(([name, one]) => [name, escaped(one)]))
}
