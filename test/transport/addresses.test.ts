/** A host name with several addresses, over real sockets of the loopback. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type LookupFunction, type Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { Worker } from 'node:worker_threads'
import { TcpTransport } from '../../src/transport/tcp.js'
import { tls } from '../../src/transport/tls.js'
import type { Transport } from '../../src/transport/transport.js'
import { cert, key } from '../support/certificate.js'

/** A name server that gives these addresses for every name. */
function lookupOf(...addresses: readonly string[]): LookupFunction {
  return (_host, { all }, done) => {
    assert.equal(all, true, 'every address is asked for')
    const found = addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }))
    setImmediate(done as (error: null, found: unknown) => void, null, found)
  }
}

/** Listens at one address; gives the port. */
async function listen(t: TestContext, secure: boolean, host: string): Promise<number> {
  const server = secure ? createTlsServer({ key, cert }) : createServer()
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.listen(0, host)
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

/** Resolves with the error of an attempt; undefined: it was connected. */
function attempt(transport: Transport, port: number): Promise<Error | undefined> {
  return new Promise(resolve => {
    const socket = transport.connect(
      { host: 'broker.test', port },
      {
        opened: () => {
          resolve(undefined)
          socket.destroy()
        },
        received: () => {},
        closed: error => resolve(error ?? new Error('it was closed')),
      },
    )
  })
}

for (const secure of [false, true]) {
  const transport = (connectTimeoutMs: number, lookup: LookupFunction): Transport =>
    secure ? tls({ ca: cert, lookup }, connectTimeoutMs) : new TcpTransport(connectTimeoutMs, lookup)

  describe(`a host name with several addresses, over ${secure ? 'TLS' : 'TCP'}`, () => {
    for (const addresses of [
      ['127.0.0.2', '127.0.0.1'],
      ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.1'],
      ['::1', '127.0.0.1'],
      ['127.0.0.1', '::1'],
    ]) {
      test(`${addresses.join(', ')}: is connected to at the one that does not refuse`, async t => {
        const port = await listen(t, secure, '127.0.0.1')
        assert.equal(await attempt(transport(10_000, lookupOf(...addresses)), port), undefined)
      })
    }

    test('of which all refuse: the error has each of them', async () => {
      const error = await attempt(transport(10_000, lookupOf('127.0.0.2', '127.0.0.3')), 1)
      const { errors } = error as AggregateError
      assert.deepEqual(
        errors.map(one => one.message),
        ['connect ECONNREFUSED 127.0.0.2:1', 'connect ECONNREFUSED 127.0.0.3:1'],
      )
    })

    test('of which one does not answer at all: the others get their part of the time', async t => {
      const port = await listen(t, secure, '127.0.0.1')
      await silent(t, '127.0.0.2', port)
      const before = performance.now()
      assert.equal(await attempt(transport(1_400, lookupOf('127.0.0.2', '127.0.0.1')), port), undefined)
      assert.equal(
        performance.now() - before >= 349,
        true,
        'the first one had a quarter of the time, not the 250 ms of Node',
      )
    })
  })
}

/** Lets a listener have as many connections as fit its queue, and accept none: Linux drops every other SYN. */
async function silent(t: TestContext, host: string, port: number): Promise<void> {
  const code = `
    const { workerData: { host, port }, parentPort } = require('node:worker_threads')
    require('node:net').createServer().listen({ host, port, backlog: 1 }, () => {
      parentPort.postMessage('listening')
      // Blocks this thread: nothing is accepted.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })`
  const worker = new Worker(code, { eval: true, workerData: { host, port } })
  await once(worker, 'message')
  const queued = [1, 2].map(() => connect({ host, port }))
  t.after(async () => {
    for (const socket of queued) socket.destroy()
    await worker.terminate()
  })
  await Promise.all(queued.map(socket => once(socket, 'connect')))
}
