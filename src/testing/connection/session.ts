import { isObservable, Subscription, take } from 'rxjs'
import { describe } from '../../errors.js'
import { ErrorCode } from '../../protocol/error-codes.js'
import { apiVersions } from '../../protocol/messages/api-versions.js'
import { type ProduceRequest, type ProduceResponse, produce } from '../../protocol/messages/produce.js'
import { encodeResponseFrame } from '../../protocol/wire/message.js'
import { FrameReader } from '../../transport/framing.js'
import { offeredVersions } from '../handlers/apis.js'
import type { ServerListener, ServerSocket } from '../network/network.js'
import { Authenticator } from '../sasl/sasl.js'
import type { Client, ClusterState } from '../state/cluster-state.js'
import type { Fault } from '../state/faults.js'
import { Drain } from './drain.js'
import { answerInstead, faultyRequest, faultyResponse } from './fault-effects.js'
import {
  batchesOf,
  type Incoming,
  isWrite,
  partsOf,
  type Refused,
  readRequest,
  softwareOf,
  transactionalIdOf,
} from './incoming.js'
import { Replies } from './replies.js'

/**
 * One connection of a client. Its requests are carried out one at a time, in the order in which they came, and answered in
 * that order (R8). What makes it end, such as an unknown API, waits for its turn as well.
 */
export class Session implements ServerListener {
  readonly #cluster: ClusterState
  readonly #where: { readonly node: number; readonly connection: number }
  readonly #socket: ServerSocket
  readonly #drain: Drain
  readonly #frames: FrameReader
  readonly #replies: Replies
  readonly #authenticator: Authenticator
  readonly #waiting: (Incoming | Refused)[] = []
  /** What the request in hand waits for. */
  #current: Subscription | undefined
  #idleTimer = Subscription.EMPTY
  #busy = false
  /** Whether incoming bytes are ignored. */
  #deaf = false
  /** Nothing is carried out or answered any more. */
  #dead = false

  constructor(cluster: ClusterState, node: number, socket: ServerSocket) {
    this.#cluster = cluster
    this.#where = { node, connection: cluster.nextConnection() }
    this.#socket = socket
    this.#frames = new FrameReader(cluster.options.maxRequestBytes, frame => this.#arrived(frame))
    this.#drain = new Drain(
      cluster.scheduler,
      held => socket.hold(held),
      bytes => this.#read(bytes),
    )
    this.#replies = new Replies(socket, cluster.scheduler)
    this.#authenticator = new Authenticator(
      cluster.options.sasl,
      () => cluster.now(),
      event => cluster.trace.add({ kind: 'authenticated', ...this.#where, ...event }),
    )
    cluster.trace.add({ kind: 'connected', ...this.#where, peer: socket.peer })
    this.#limitIdleness()
  }

  received(chunk: Buffer): void {
    if (!this.#dead && !this.#deaf) this.#drain.push(chunk)
  }

  closed(): void {
    this.#dead = true
    this.#current?.unsubscribe()
    this.#drain.stop()
    this.#replies.stop()
    this.#idleTimer.unsubscribe()
    this.#cluster.depth.closed(this.#where.connection)
    this.#cluster.trace.add({ kind: 'disconnected', ...this.#where })
  }

  #read(bytes: Buffer): void {
    try {
      this.#frames.push(bytes)
    } catch (error) {
      this.#queue({ reason: describe(error) })
    }
  }

  #arrived(frame: Buffer): void {
    if (this.#dead || this.#deaf) return
    const incoming = readRequest(this.#cluster, frame)
    if ('served' in incoming) {
      const { api } = incoming.served
      const { version, correlationId, clientId } = incoming
      const request = { kind: 'request', ...this.#where, api: api.name, version, correlationId, clientId } as const
      if (api.key === produce.key) {
        this.#cluster.trace.add({ ...request, batches: batchesOf(incoming) })
        this.#cluster.depth.received(this.#where.node, this.#where.connection)
      } else {
        this.#cluster.trace.add({ ...request, ...softwareOf(incoming) })
      }
    }
    this.#queue(incoming)
  }

  #queue(incoming: Incoming | Refused): void {
    if ('reason' in incoming) this.#deaf = true
    this.#waiting.push(incoming)
    this.#limitIdleness()
    this.#next()
  }

  #next(): void {
    const incoming = this.#busy || this.#dead ? undefined : this.#waiting.shift()
    if (incoming === undefined) return
    this.#busy = true
    if ('reason' in incoming) {
      this.#refuse(incoming.reason)
      return
    }
    try {
      this.#carryOut(incoming)
    } catch (error) {
      this.#refuse(describe(error))
    }
  }

  #carryOut(incoming: Incoming): void {
    const { api } = incoming.served
    const refusal = this.#authenticator.refusal(api.name, incoming.version)
    if (refusal !== undefined) {
      this.#refuse(refusal)
      return
    }
    if (incoming.request === undefined) {
      this.#answerUnsupported(incoming)
      return
    }
    const transactionalId = transactionalIdOf(incoming)
    const target = { api: api.name, node: this.#where.node, parts: partsOf(incoming), transactionalId }
    const fault = this.#cluster.faults.strike('request', target)
    if (fault !== undefined) this.#cluster.trace.add({ kind: 'fault', ...this.#where, fault })
    if (fault?.kind === 'slowDrain') this.#drain.slow(fault.bytesPerSecond)
    if (fault?.kind === 'slowMarkers') this.#cluster.transactions.delayMarkers(transactionalId ?? '', fault.ms)
    if (fault?.kind === 'dropBeforeAppend') {
      this.#drop()
      return
    }
    if (fault?.kind === 'carryOutLate') {
      this.#cluster.later(this.#where.node, () => this.#carryOutNow(incoming), fault.ms)
      return
    }
    this.#handle(incoming, fault)
  }

  /** Carries the delayed request out, and those behind it, even if the connection is gone. */
  #carryOutNow(incoming: Incoming): void {
    if (!this.#dead) {
      this.#handle(incoming, undefined)
      return
    }
    for (const one of [incoming, ...this.#waiting.splice(0)]) {
      if ('served' in one && isWrite(one)) this.#result(one, undefined)
    }
  }

  #handle(incoming: Incoming, fault: Fault | undefined): void {
    const result = this.#result(incoming, fault)
    if (isObservable(result)) {
      this.#current = result.pipe(take(1)).subscribe({
        next: response => this.#carriedOut(incoming, response, fault),
        error: error => this.#refuse(describe(error)),
      })
    } else {
      this.#carriedOut(incoming, result, fault)
    }
  }

  #result({ served, request, version, clientId }: Incoming, fault: Fault | undefined): unknown {
    const instead = answerInstead(fault, served.api.name)
    if (instead !== undefined) return instead
    const client: Client = { cluster: this.#cluster, ...this.#where, clientId, authenticator: this.#authenticator }
    return served.handle(client, faultyRequest(fault, served.api.name, request), version)
  }

  /** With {@link #carryOut} the one place where the faults of a request strike; fault-effects.ts has what they make of it. */
  #carriedOut(incoming: Incoming, response: unknown, fault: Fault | undefined): void {
    // It stays the one in hand: what follows is received, and waits for ever.
    if (fault?.kind === 'neverAnswer') return
    if (fault?.kind === 'appendThenDrop') {
      this.#drop()
      return
    }
    if (wantsNoAnswer(incoming)) {
      this.#notAnswered(response as ProduceResponse)
      return
    }
    const { api } = incoming.served
    const { version, correlationId } = incoming
    const answer = faultyResponse(fault, api.name, response, this.#cluster.topics)
    const bytes = Buffer.concat(encodeResponseFrame(api, version, correlationId, answer))
    if (fault?.kind === 'cutReply') {
      this.#dead = true
      this.#reply(incoming, bytes.subarray(0, fault.atByte), 0, () => this.#socket.end())
      return
    }
    const sent = fault?.kind === 'hostileBytes' ? Buffer.from(fault.hex, 'hex') : bytes
    this.#reply(incoming, sent, fault?.kind === 'delay' ? fault.ms : 0)
    const { failure } = this.#authenticator
    if (failure !== undefined) this.#refuse(failure)
    else if (fault?.kind === 'throttle') this.#muteFor(fault.ms)
    else this.#done()
  }

  /** The connection was used just now. */
  #limitIdleness(): void {
    const { connectionsMaxIdleMs, scheduler } = this.#cluster.options
    if (connectionsMaxIdleMs === 0) return
    this.#idleTimer.unsubscribe()
    this.#idleTimer = scheduler.schedule(() => {
      // A request that is not answered yet is no idleness.
      if (this.#busy || !this.#replies.isEmpty) this.#limitIdleness()
      else this.#socket.end()
    }, connectionsMaxIdleMs)
  }

  #reply(incoming: Incoming, bytes: Buffer, delayMs: number, after?: () => void): void {
    const { api } = incoming.served
    const left = (): void => {
      if (api.key === produce.key) this.#cluster.depth.answered(this.#where.connection)
      const { correlationId } = incoming
      this.#cluster.trace.add({ kind: 'answered', ...this.#where, api: api.name, correlationId })
      this.#limitIdleness()
    }
    this.#replies.send(bytes, this.#cluster.options.replyDelayMs + delayMs, left, after)
  }

  /** KIP-511: in the form of version 0, with the versions of ApiVersions that would be understood. */
  #answerUnsupported(incoming: Incoming): void {
    const apiKeys = offeredVersions(this.#cluster).filter(({ apiKey }) => apiKey === apiVersions.key)
    const answer = { errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys, throttleTimeMs: 0, finalizedFeatures: [] }
    this.#reply(incoming, Buffer.concat(encodeResponseFrame(apiVersions, 0, incoming.correlationId, answer)), 0)
    this.#done()
  }

  /** acks 0: there is no response to a success, and a failure ends the connection. */
  #notAnswered({ responses }: ProduceResponse): void {
    this.#cluster.depth.answered(this.#where.connection)
    const failure = responses.flatMap(topic => topic.partitionResponses).find(({ errorCode }) => errorCode !== 0)
    if (failure === undefined) this.#done()
    else this.#refuse(`a produce request with acks 0 failed with code ${failure.errorCode}`)
  }

  /** Mutes the client for a while, as a broker does over a quota. */
  #muteFor(ms: number): void {
    this.#current = this.#cluster.scheduler.schedule(() => this.#done(), ms)
  }

  #done(): void {
    this.#busy = false
    this.#next()
  }

  #drop(): void {
    this.#dead = true
    this.#socket.destroy()
  }

  #refuse(reason: string): void {
    this.#cluster.trace.add({ kind: 'refused', ...this.#where, reason })
    this.#dead = true
    // Not before the answers to what came earlier have left.
    this.#replies.whenEmpty(() => this.#socket.end())
  }
}

function wantsNoAnswer({ served, request }: Incoming): boolean {
  return served.api.key === produce.key && (request as ProduceRequest).acks === 0
}
