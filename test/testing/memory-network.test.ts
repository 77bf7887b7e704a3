import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryNetwork, type ServerSocket, VirtualTime } from '../../src/testing/index.js'
import type { Address, Socket } from '../../src/transport/transport.js'

/** What both ends of connections were told, in order, with the time. */
interface Net {
  readonly time: VirtualTime
  readonly network: MemoryNetwork
  readonly log: string[]
  readonly servers: ServerSocket[]
  listen(address?: Address): Promise<{ address: Address; close(): Promise<void> }>
  connect(address: Address, name?: string): Socket
}

function start(latencyMs = 0): Net {
  const time = new VirtualTime()
  const network = new MemoryNetwork({ scheduler: time, latencyMs })
  const log: string[] = []
  const servers: ServerSocket[] = []
  const told = (what: string): unknown => log.push(`${time.now()} ${what}`)
  return {
    time,
    network,
    log,
    servers,
    listen: (address = { host: 'h', port: 0 }) =>
      network.listen(address, socket => {
        servers.push(socket)
        told('accepted')
        return { received: bytes => told(`server got ${bytes}`), closed: () => told('server closed') }
      }),
    connect: (address, name = 'client') =>
      network.connect(address, {
        opened: () => told(`${name} opened`),
        received: bytes => told(`${name} got ${bytes}`),
        closed: error => told(`${name} closed${error ? `: ${error.message}` : ''}`),
      }),
  }
}

const bytes = (text: string): Buffer => Buffer.from(text)

describe('order and latency', () => {
  test('bytes arrive in order, in both directions, after the latency', async () => {
    const { time, log, servers, listen, connect } = start(10)
    const socket = connect((await listen()).address)
    assert.deepEqual(log, [], 'nothing happens from inside connect()')
    await time.advance(10)
    assert.deepEqual(log.splice(0), ['10 accepted', '10 client opened'])
    socket.write([bytes('a'), bytes('b')])
    await time.advance(4)
    socket.write([bytes('c')])
    servers[0]!.write(bytes('x'))
    await time.advance(10)
    assert.deepEqual(log, ['20 server got ab', '24 server got c', '24 client got x'])
  })

  test('without latency they arrive in order too, and never from inside the call', async () => {
    const { time, log, listen, connect } = start()
    const socket = connect((await listen()).address)
    await time.advance(0)
    for (let i = 0; i < 20; i++) socket.write([bytes(`${i}`)])
    assert.equal(log.length, 2)
    await time.advance(0)
    assert.deepEqual(
      log.slice(2),
      Array.from({ length: 20 }, (_, i) => `0 server got ${i}`),
    )
  })

  test('what was written before the connection stood arrives after it stands', async () => {
    const { time, log, listen, connect } = start(5)
    connect((await listen()).address).write([bytes('early')])
    await time.idle()
    assert.deepEqual(log, ['5 accepted', '5 client opened', '5 server got early'])
  })

  test('bytes that are changed once they were written arrive as they were', async () => {
    const { time, log, servers, listen, connect } = start(5)
    const socket = connect((await listen()).address)
    await time.idle()
    const buffer = bytes('old')
    socket.write([buffer])
    servers[0]!.write(buffer)
    buffer.write('new')
    await time.idle()
    assert.deepEqual(log.slice(2), ['10 server got old', '10 client got old'])
  })
})

test('a client that is held back sends what it wrote when it is let go, in order; what was under way still comes', async () => {
  const { time, network, log, servers, listen, connect } = start(10)
  const socket = connect((await listen()).address)
  await time.idle()
  log.length = 0
  socket.write([bytes('a')])
  servers[0]!.hold(true)
  for (const text of ['b', 'c']) socket.write([bytes(text)])
  await time.advance(100)
  assert.deepEqual(log.splice(0), ['20 server got a'])
  servers[0]!.hold(false)
  socket.write([bytes('d')])
  await time.idle()
  assert.deepEqual(log.splice(0), ['120 server got bc', '120 server got d'])
  servers[0]!.hold(true)
  socket.write([bytes('lost')])
  socket.destroy()
  servers[0]!.hold(false)
  await time.idle()
  assert.deepEqual(log, ['120 server closed', '120 client closed'])
  assert.equal(network.connections, 0)
})

describe('the end of a connection', () => {
  test('cut: what is under way is lost, both ends are told once, the count is back at zero', async () => {
    const { time, network, log, servers, listen, connect } = start(10)
    const { address } = await listen()
    const [socket] = [connect(address), connect(address, 'other')]
    assert.equal(network.connections, 2)
    await time.idle()
    log.length = 0
    socket.write([bytes('lost')])
    servers[0]!.write(bytes('lost'))
    network.cut(address)
    socket.write([bytes('late')])
    servers[0]!.write(bytes('late'))
    socket.destroy()
    network.cut(address)
    assert.deepEqual(log, [], 'nobody is told from inside the call')
    await time.idle()
    const reset = 'closed: read ECONNRESET'
    assert.deepEqual(log, ['10 server closed', `10 client ${reset}`, '10 server closed', `10 other ${reset}`])
    assert.equal(network.connections, 0)
    assert.equal(time.pending, 0)
  })

  test('cut concerns one address', async () => {
    const { time, network, log, listen, connect } = start()
    const [a, b] = [await listen(), await listen()]
    connect(a.address, 'a')
    connect(b.address, 'b')
    await time.idle()
    log.length = 0
    network.cut(b.address)
    await time.idle()
    assert.deepEqual(log, ['0 server closed', '0 b closed: read ECONNRESET'])
    assert.equal(network.connections, 1)
  })

  test('the client ends it: what is under way is lost, both are told, without an error', async () => {
    const { time, network, log, servers, listen, connect } = start(10)
    const socket = connect((await listen()).address)
    await time.idle()
    log.length = 0
    socket.write([bytes('lost')])
    servers[0]!.write(bytes('lost'))
    socket.destroy()
    await time.idle()
    assert.deepEqual(log, ['10 server closed', '10 client closed'])
    assert.equal(network.connections, 0)
  })

  test('the broker cuts it: what is under way is lost, both are told, without an error', async () => {
    const { time, network, log, servers, listen, connect } = start(10)
    const socket = connect((await listen()).address)
    await time.idle()
    log.length = 0
    socket.write([bytes('lost')])
    servers[0]!.write(bytes('lost'))
    servers[0]!.destroy()
    await time.idle()
    assert.deepEqual(log, ['10 server closed', '10 client closed'])
    assert.equal(network.connections, 0)
  })

  test('the broker ends it: what it wrote before arrives first, what is sent to it does not', async () => {
    const { time, network, log, servers, listen, connect } = start(10)
    const socket = connect((await listen()).address)
    await time.idle()
    log.length = 0
    socket.write([bytes('under way')])
    servers[0]!.write(bytes('last words'))
    servers[0]!.end()
    servers[0]!.end()
    servers[0]!.write(bytes('afterwards'))
    socket.write([bytes('afterwards')])
    await time.idle()
    assert.deepEqual(log, ['20 client got last words', '20 server closed', '20 client closed'])
    assert.equal(network.connections, 0)
  })

  test('the client ends it while the last words of the broker are under way: it gets nothing any more', async () => {
    const { time, network, log, servers, listen, connect } = start(10)
    const socket = connect((await listen()).address)
    await time.idle()
    log.length = 0
    servers[0]!.write(bytes('last words'))
    servers[0]!.end()
    await time.advance(5)
    socket.destroy()
    await time.idle()
    assert.deepEqual(log, ['15 server closed', '15 client closed'])
    assert.equal(network.connections, 0)
  })

  test('the client gives up before it stands: the broker never hears of it', async () => {
    const { time, network, log, listen, connect } = start(10)
    connect((await listen()).address).destroy()
    await time.idle()
    assert.deepEqual(log, ['0 client closed'])
    assert.equal(network.connections, 0)
  })
})

describe('listening', () => {
  test('nobody listens: the connection is refused, by name', async () => {
    const { time, network, log, connect } = start(10)
    connect({ host: 'nowhere', port: 1 })
    await time.idle()
    assert.deepEqual(log, ['10 client closed: connect ECONNREFUSED nowhere:1'])
    assert.equal(network.connections, 0)
  })

  test('port 0 is any that is free; one that is taken is refused; one that was given back can be had again', async () => {
    const { listen } = start()
    const [a, b] = [await listen(), await listen()]
    assert.notEqual(a.address.port, b.address.port)
    assert.equal(a.address.host, 'h')
    await assert.rejects(listen(a.address), new RegExp(`EADDRINUSE h:${a.address.port}`))
    await a.close()
    assert.deepEqual((await listen(a.address)).address, a.address)
  })

  test('close ends the connections that stand, and those that were about to', async () => {
    const { time, network, log, listen, connect } = start(10)
    const { address, close } = await listen()
    connect(address, 'a')
    await time.idle()
    connect(address, 'b')
    log.length = 0
    await close()
    connect(address, 'c')
    await time.idle()
    assert.deepEqual(log, [
      '10 server closed',
      '10 a closed: read ECONNRESET',
      '10 b closed: read ECONNRESET',
      `20 c closed: connect ECONNREFUSED h:${address.port}`,
    ])
    assert.equal(network.connections, 0)
  })
})
