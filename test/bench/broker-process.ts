/** The stub broker as a process of its own, on a free port of the loopback. Says the port, and ends with its parent. */
import { createServer } from 'node:net'
import { StubBroker } from './stub-broker.js'

const server = createServer({ noDelay: true })
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as { port: number }
  const broker = new StubBroker({ host: '127.0.0.1', port }, 3)
  server.on('connection', socket => {
    const receive = broker.connection(bytes => socket.write(bytes))
    socket.on('data', receive)
    socket.on('error', () => socket.destroy())
  })
  process.on('message', () => process.send?.({ records: broker.records }))
  process.send?.({ port })
})
process.on('disconnect', () => process.exit())
