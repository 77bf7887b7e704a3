import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe } from '../errors.js'
import type { ProducerMetrics } from '../index.js'
import type { Asset } from './assets.js'
import type { ResolvedOptions } from './check-options.js'
import { type EventStream, MOST_CLIENTS } from './event-stream.js'
import { HEADERS, isCrossSite, isOwnHost, isOwnPage } from './guards.js'

/** What the server gives away. */
export interface Content {
  readonly assets: ReadonlyMap<string, Asset>
  readonly stream: EventStream
  metrics(): ProducerMetrics
  /** What a page gets when it is opened. */
  greet(token: string): string[]
}

/** The page, its stream, the metrics as JSON, and the buttons, over HTTP. Keeps no process alive. */
export class DashboardServer {
  /** What a page needs to press a button: another site cannot read it. */
  readonly #token = randomBytes(24).toString('base64url')
  readonly #options: ResolvedOptions
  readonly #content: Content
  readonly #server: Server

  constructor(options: ResolvedOptions, content: Content) {
    this.#options = options
    this.#content = content
    this.#server = createServer({ keepAliveTimeout: 5_000, requestTimeout: 10_000 }, (request, response) => {
      request.resume()
      void this.#respond(request, response)
    })
    this.#server.on('connection', socket => socket.unref())
    this.#server.unref()
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async listen(): Promise<void> {
    const { port, host } = this.#options
    this.#server.listen(port, host)
    await once(this.#server, 'listening')
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#content.stream.end()
    this.#server.closeAllConnections()
    await closed
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value!)
    const { headers, method } = request
    if (!isOwnHost(headers.host, this.#options.host))
      return text(response, 403, 'The Host is neither an address, nor localhost, nor the `host` of the dashboard.')
    if (isCrossSite(headers)) return text(response, 403, 'Another site asked for it.')
    const path = (request.url ?? '/').split('?', 1)[0]!
    if (path.startsWith('/actions/')) return this.#act(request, response, path.slice('/actions/'.length))
    if (method !== 'GET' && method !== 'HEAD') return text(response, 405, 'Only GET.', { allow: 'GET, HEAD' })
    if (path === '/events') return this.#watch(response, method)
    if (path === '/metrics.json')
      return text(response, 200, JSON.stringify(this.#content.metrics()), { 'content-type': 'application/json' })
    const asset = this.#content.assets.get(path)
    if (asset === undefined) return text(response, 404, 'There is nothing here.')
    response.writeHead(200, { 'content-type': asset.type, 'content-length': asset.bytes.length }).end(asset.bytes)
  }

  #watch(response: ServerResponse, method: string): void {
    const { stream } = this.#content
    if (method === 'HEAD') text(response, 200, '', { 'content-type': 'text/event-stream' })
    else if (stream.size >= MOST_CLIENTS) text(response, 503, `${MOST_CLIENTS} pages are open already; close one.`)
    else stream.add(response, this.#content.greet(this.#token))
  }

  async #act({ headers, method }: IncomingMessage, response: ServerResponse, index: string): Promise<void> {
    if (method !== 'POST') return text(response, 405, 'Only POST.', { allow: 'POST' })
    if (!isOwnPage(headers, this.#token)) return text(response, 403, 'Only the page of this dashboard may do that.')
    const action = /^\d{1,3}$/.test(index) ? this.#options.actions[Number(index)] : undefined
    if (action === undefined) return text(response, 404, 'There is no such button.')
    try {
      await action.run()
      response.writeHead(204).end()
    } catch (error) {
      text(response, 500, describe(error))
    }
  }
}

function text(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers }).end(body)
}
