import { describe, InvalidArgumentError, KafkaError } from '../errors.js'
import type { Producer } from '../index.js'
import { VERSION } from '../version.js'
import type { DashboardNote, DashboardOptions } from './action.js'
import { readAssets } from './assets.js'
import { checkDashboardOptions, type ResolvedOptions } from './check-options.js'
import { EventStream, serverSentEvent } from './event-stream.js'
import { Observation } from './observation.js'
import { RULES } from './rules.js'
import { DashboardServer } from './server.js'
import { FRAME_MS, startTicker } from './ticker.js'

/**
 * Serves a page that shows a producer's in-flight windows live: each broker with its slots, the requests in them, what waits behind them,
 * which partitions are muted, probing or paused, retries on their way back, and acks. `/metrics.json` has {@link Producer.metrics}.
 *
 * It observes `events$`, so process warnings that stand in for an observer are not emitted. While no page is open it costs one look per
 * request and event. It keeps no process alive.
 *
 * @throws {InvalidArgumentError} for an option that is unknown or wrong. Rejects with a {@link KafkaError} if it cannot listen there.
 *
 * @example
 * const dashboard = await serveDashboard(producer, { port: 8092 })
 * console.log(dashboard.url) // http://127.0.0.1:8092/
 */
export function serveDashboard(producer: Producer, options: DashboardOptions = {}): Promise<Dashboard> {
  if (typeof producer?.metrics !== 'function' || typeof producer.events$?.subscribe !== 'function')
    throw new InvalidArgumentError('serveDashboard(): the first argument must be a producer of createProducer()')
  return Dashboard.open(producer, checkDashboardOptions(options))
}

/** A page that is being served; {@link serveDashboard} opens it. */
export class Dashboard implements AsyncDisposable {
  /** The address of the page. */
  readonly url: string
  readonly #close: () => Promise<void>
  #closing: Promise<void> | undefined

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url
    this.#close = close
  }

  /** Called by {@link serveDashboard}. @internal */
  static async open(producer: Producer, options: ResolvedOptions): Promise<Dashboard> {
    const { host, port, actions, notes$ } = options
    const assets = await readAssets()
    let stopTicker = (): void => {}
    const stream = new EventStream(clients => {
      stopTicker()
      stopTicker = clients === 0 ? () => {} : startTicker(() => frames.next())
    })
    const observation = new Observation(producer, line => stream.send(serverSentEvent('line', line)))
    const frames = new Frames(observation, stream)
    let note: DashboardNote | undefined
    const notes = notes$?.subscribe(next => {
      note = { ...next }
      stream.send(serverSentEvent('note', note))
    })
    const stop = (): void => {
      stopTicker()
      notes?.unsubscribe()
      observation.stop()
    }
    const server = new DashboardServer(options, {
      assets,
      stream,
      metrics: () => producer.metrics(),
      greet: token => [
        serverSentEvent('hello', {
          version: VERSION,
          token,
          rules: RULES,
          actions: actions.map(({ label, help }) => ({ label, help })),
          history: observation.history,
        }),
        ...observation.narrator.lines.map(line => serverSentEvent('line', line)),
        ...(note === undefined ? [] : [serverSentEvent('note', note)]),
        serverSentEvent('state', frames.first()),
      ],
    })
    try {
      await server.listen()
    } catch (cause) {
      stop()
      throw new KafkaError(
        `the dashboard cannot listen at ${host}:${port}: ${describe(cause)}; choose another \`port\` or \`host\``,
        { cause },
      )
    }
    const shown = host.includes(':') ? `[${host}]` : host
    return new Dashboard(`http://${shown}:${server.port}/`, async () => {
      stop()
      await server.close()
    })
  }

  /** Ends every page and the server. The producer goes on. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Sends a state to all pages: at each tick while something is on its way, and else once a second. */
class Frames {
  readonly #observation: Observation
  readonly #stream: EventStream
  #quietTicks = 0

  constructor(observation: Observation, stream: EventStream) {
    this.#observation = observation
    this.#stream = stream
  }

  /** Returns the state for a page that was just opened. */
  first(): unknown {
    if (this.#stream.size === 0) this.#observation.resume()
    return this.#observation.read()
  }

  next(): void {
    const busy = this.#observation.isBusy
    this.#quietTicks = busy ? 0 : this.#quietTicks + 1
    if (busy || this.#quietTicks % (1000 / FRAME_MS) === 1)
      this.#stream.send(serverSentEvent('state', this.#observation.read()))
  }
}
