import { isObservable, type Subscription, take } from 'rxjs'
import { describe } from '../errors.js'
import { apiVersions } from '../protocol/api-versions.js'
import { ErrorCode } from '../protocol/error-codes.js'
import { decodeRequestBody, decodeRequestHeader, encodeResponseFrame } from '../protocol/message.js'
import { type ProduceRequest, type ProduceResponse, produce } from '../protocol/produce.js'
import { PRODUCER_ID_OFFSET } from '../protocol/record-batch.js'
import { FrameReader } from '../transport/framing.js'
import { offeredVersions, type Served, served } from './apis.js'
import type { Client, ClusterState } from './cluster-state.js'
import type { Fault } from './faults.js'
import type { ServerListener, ServerSocket } from './network.js'
import { Replies, type Reply } from './replies.js'

/** socket.request.max.bytes */
const MAX_REQUEST_BYTES = 104_857_600

interface Incoming {
  readonly served: Served
  readonly version: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly request: unknown
  /** Its place in the order of replies. */
  readonly reply: Reply
}

/**
 * One connection of a client. Its requests are carried out one at a time, in the order in which they came, and answered in
 * that order (R8).
 */
export class Session implements ServerListener {
  readonly #cluster: ClusterState
  readonly #node: number
  readonly #socket: ServerSocket
  readonly #connection: number
  readonly #frames = new FrameReader(MAX_REQUEST_BYTES, message => this.#arrived(message))
  readonly #replies: Replies
  readonly #waiting: Incoming[] = []
  #current: Subscription | undefined
  #busy = false
  /** Nothing is carried out or answered any more. */
  #dead = false

  constructor(cluster: ClusterState, node: number, socket: ServerSocket) {
    this.#cluster = cluster
    this.#node = node
    this.#socket = socket
    this.#connection = cluster.nextConnection()
    this.#replies = new Replies(socket, cluster.scheduler)
    cluster.trace.add({ kind: 'connected', node, connection: this.#connection, peer: socket.peer })
  }

  received(chunk: Buffer): void {
    if (this.#dead) return
    try {
      this.#frames.push(chunk)
    } catch (error) {
      this.#refuse(describe(error))
    }
  }

  closed(): void {
    this.#dead = true
    this.#current?.unsubscribe()
    this.#replies.stop()
    this.#cluster.depth.closed(this.#connection)
    this.#cluster.trace.add({ kind: 'disconnected', ...this.#where })
  }

  get #where(): { node: number; connection: number } {
    return { node: this.#node, connection: this.#connection }
  }

  #arrived(message: Buffer): void {
    if (this.#dead) return
    const { apiKey, apiVersion: version, correlationId, clientId, bodyOffset } = decodeRequestHeader(message)
    const entry = served.get(apiKey)
    const range = offeredVersions(this.#cluster).find(offered => offered.apiKey === apiKey)
    if (entry === undefined || range === undefined) {
      this.#refuse(`API key ${apiKey} is not known`)
      return
    }
    const { name } = entry.api
    this.#cluster.trace.add({ kind: 'request', ...this.#where, api: name, version, correlationId })
    if (apiKey === produce.key) this.#cluster.depth.received(this.#node, this.#connection)
    const reply = this.#replies.expect(() => {
      if (apiKey === produce.key) this.#cluster.depth.answered(this.#connection)
      this.#cluster.trace.add({ kind: 'answered', ...this.#where, api: name, correlationId })
    })
    if (version < range.minVersion || version > range.maxVersion) {
      if (apiKey === apiVersions.key) this.#answerUnsupported(correlationId, reply)
      else this.#refuse(`${name} version ${version} is not supported`)
      return
    }
    const request = decodeRequestBody(entry.api, version, message, bodyOffset)
    this.#waiting.push({ served: entry, version, correlationId, clientId, request, reply })
    this.#next()
  }

  /** KIP-511: in the form of version 0, with the versions of ApiVersions that would be understood. */
  #answerUnsupported(correlationId: number, reply: Reply): void {
    const apiKeys = offeredVersions(this.#cluster).filter(({ apiKey }) => apiKey === apiVersions.key)
    const answer = { errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys, throttleTimeMs: 0 }
    reply.send(Buffer.concat(encodeResponseFrame(apiVersions, 0, correlationId, answer)), 0)
  }

  #next(): void {
    const incoming = this.#busy || this.#dead ? undefined : this.#waiting.shift()
    if (incoming === undefined) return
    this.#busy = true
    const { api, handle } = incoming.served
    const fault = this.#cluster.faults.strike('request', {
      api: api.name,
      node: this.#node,
      parts: api.key === produce.key ? partsOf(incoming.request as ProduceRequest) : [],
    })
    if (fault !== undefined) this.#cluster.trace.add({ kind: 'fault', ...this.#where, fault })
    if (fault?.kind === 'dropBeforeAppend') {
      this.#drop()
      return
    }
    const client: Client = { cluster: this.#cluster, ...this.#where, clientId: incoming.clientId }
    const result = handle(client, incoming.request, incoming.version)
    if (isObservable(result)) {
      this.#current = result.pipe(take(1)).subscribe(response => this.#answer(incoming, response, fault))
    } else {
      this.#answer(incoming, result, fault)
    }
  }

  /** The one place where the faults of a request strike. */
  #answer(incoming: Incoming, response: unknown, fault: Fault | undefined): void {
    const { served, version, correlationId, reply } = incoming
    const { replyDelayMs } = this.#cluster.options
    if (fault?.kind === 'neverAnswer') {
      this.#dead = true
      return
    }
    if (fault?.kind === 'appendThenDrop') {
      this.#drop()
      return
    }
    if (fault?.kind === 'throttle') (response as { throttleTimeMs: number }).throttleTimeMs = fault.ms
    if (fault?.kind === 'answerEntries') changeEntries(response as ProduceResponse, fault.change)
    let bytes = Buffer.concat(encodeResponseFrame(served.api, version, correlationId, response))
    if (fault?.kind === 'hostileBytes') bytes = Buffer.from(fault.hex, 'hex')
    if (fault?.kind === 'cutReply') {
      reply.send(bytes.subarray(0, fault.atByte), replyDelayMs, () => this.#drop())
      return
    }
    reply.send(bytes, replyDelayMs + (fault?.kind === 'delay' ? fault.ms : 0))
    this.#busy = false
    this.#next()
  }

  #drop(): void {
    this.#dead = true
    this.#socket.destroy()
  }

  #refuse(reason: string): void {
    this.#cluster.trace.add({ kind: 'refused', ...this.#where, reason })
    this.#drop()
  }
}

function partsOf(request: ProduceRequest): { topic: string; partition: number; producerId: bigint }[] {
  return request.topicData.flatMap(({ name, partitionData }) =>
    partitionData.map(({ index, records }) => {
      const bytes = Buffer.from(records ?? [])
      const producerId = bytes.length >= PRODUCER_ID_OFFSET + 8 ? bytes.readBigInt64BE(PRODUCER_ID_OFFSET) : -1n
      return { topic: name, partition: index, producerId }
    }),
  )
}

function changeEntries(response: ProduceResponse, change: 'omit' | 'duplicate' | 'invent' | 'reverse'): void {
  const [topic] = response.responses
  const [entry] = topic?.partitionResponses ?? []
  if (topic === undefined || entry === undefined) return
  if (change === 'omit') topic.partitionResponses.shift()
  else if (change === 'duplicate') topic.partitionResponses.push({ ...entry, baseOffset: entry.baseOffset + 1000n })
  else if (change === 'invent') topic.partitionResponses.unshift({ ...entry, index: entry.index + 1_000_000 })
  else {
    response.responses.reverse()
    for (const { partitionResponses } of response.responses) partitionResponses.reverse()
  }
}
