import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

interface Schema {
  readonly schema: string
  readonly schemaType?: string
}

/** A schema registry in this process, with as much of Confluent's API as registering and reading the latest schema of a subject takes. */
export async function startRegistry(): Promise<
  AsyncDisposable & { readonly url: string; readonly requests: string[] }
> {
  const schemas: Schema[] = []
  const subjects = new Map<string, number>()
  /** Every request, in order: `GET /schemas/ids/1`. */
  const requests: string[] = []

  const answer = (method: string, path: string, body: unknown): object | undefined => {
    const [, subject] = /^\/subjects\/([^/]+)\/versions(\/latest)?$/.exec(path) ?? []
    if (method === 'POST' && subject !== undefined) {
      const id = schemas.push(body as Schema)
      subjects.set(subject, id)
      return { id }
    }
    if (method === 'PUT') return body as object
    if (subject !== undefined) {
      const id = subjects.get(subject)
      return id === undefined ? undefined : { subject, id, version: 1, ...schemas[id - 1] }
    }
    const [, id] = /^\/schemas\/ids\/(\d+)$/.exec(path) ?? []
    return id === undefined ? undefined : schemas[Number(id) - 1]
  }

  const server = createServer(async (request, response) => {
    const { method = '', url = '' } = request
    requests.push(`${method} ${url}`)
    const found = answer(method, url, method === 'GET' ? undefined : await json(request))
    response
      .writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' })
      .end(JSON.stringify(found ?? { error_code: 404, message: 'not found' }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
