/** The counting broker as a process of its own, on free ports of the loopback. Started by broker.ts, and ends with it. */
import { createServer, type Server, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { cert, key } from '../support/certificate.js'
import type { BrokerOptions, FromBroker, ToBroker, Watched } from './broker.js'
import { CountingBroker } from './counting-broker.js'
import { cpuSeconds, type Memory, memory } from './proc.js'
import { Replies } from './replies.js'

const { nodes, partitions, replyDelayMs, tls } = JSON.parse(process.argv[2]!) as BrokerOptions
/** Read into by all connections: what comes is parsed before the next read. */
const shared = Buffer.allocUnsafeSlow(1 << 20)

const servers = await Promise.all(Array.from({ length: nodes }, listen))
const ports = servers.map(server => (server.address() as { port: number }).port)
const broker = new CountingBroker(
  ports.map(port => ({ host: '127.0.0.1', port })),
  partitions,
)

function listen(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = tls
      ? createTlsServer({ key, cert, noDelay: true }, socket => socket.on('data', serve(socket)))
      : // Paused, so that nothing is read before the shared buffer is in its place.
        createServer({ noDelay: true, pauseOnConnect: true }, accept)
    server.on('error', reject).listen(0, '127.0.0.1', () => resolve(server))
  })
}

function accept(accepted: Socket): void {
  // Only a socket's maker can have it read into memory of his own, and a server does not; so the handle gets a new socket.
  const { _handle: handle } = accepted as unknown as { _handle: unknown }
  const options = {
    handle,
    onread: {
      buffer: shared,
      callback: (bytes: number): boolean => {
        receive(shared.subarray(0, bytes))
        return true
      },
    },
  }
  const socket = new Socket(options as never)
  const receive = serve(socket)
  socket.resume()
}

/** Answers what comes on a socket. Returns what takes it. */
function serve(socket: Socket): (chunk: Buffer) => void {
  const replies = new Replies(replyDelayMs, (frame, produced) => {
    socket.write(frame)
    connection.answered(produced)
  })
  const connection = broker.connection((frame, toProduce) => replies.send(frame, toProduce))
  const receive = (chunk: Buffer): void => {
    try {
      connection.receive(chunk)
    } catch (error) {
      broker.violation(String(error))
      socket.destroy()
    }
  }
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.end())
  socket.on('close', () => replies.stop())
  return receive
}

/** What is known at one moment, taken without a turn of the event loop in between. */
interface Moment {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly brokerCpuSeconds: number
  readonly memory: Memory
  readonly records: number
  readonly requests: number
  readonly batches: number
  readonly batchBytes: number
  readonly inFlight: number
}

function moment(pid: number): Moment {
  const { records, requests, batches, batchBytes, inFlight } = broker
  const { user, system } = process.cpuUsage()
  return {
    seconds: performance.now() / 1000,
    cpuSeconds: cpuSeconds(pid),
    brokerCpuSeconds: (user + system) / 1e6,
    memory: memory(pid),
    ...{ records, requests, batches, batchBytes, inFlight },
  }
}

/** Waits for `from` records to be counted, and from then on for `records` more. */
function watch(pid: number, from: number, records: number, done: (watched: Watched) => void): void {
  // Too late to see the moment.
  if (broker.records >= from) broker.violation(`${broker.records} records had come before the watch for ${from} began`)
  broker.mark = from
  broker.onMark = () => {
    const begin = moment(pid)
    broker.maxInFlight = 0
    broker.mark = from + records
    broker.onMark = () => {
      broker.mark = Number.POSITIVE_INFINITY
      done(between(begin, moment(pid)))
    }
  }
}

function between(begin: Moment, end: Moment): Watched {
  const batches = end.batches - begin.batches
  const requests = end.requests - begin.requests
  return {
    records: end.records - begin.records,
    seconds: end.seconds - begin.seconds,
    cpuSeconds: end.cpuSeconds - begin.cpuSeconds,
    brokerCpuSeconds: end.brokerCpuSeconds - begin.brokerCpuSeconds,
    requests,
    batches,
    meanBatchBytes: (end.batchBytes - begin.batchBytes) / batches,
    maxInFlight: broker.maxInFlight,
    meanInFlight: (end.inFlight - begin.inFlight) / requests,
    ...end.memory,
  }
}

const tell = (message: FromBroker): void => void process.send?.(message)

process.on('message', (message: ToBroker) => {
  const { id } = message
  if (message.kind === 'watch') {
    watch(message.pid, message.from, message.records, result => tell({ id, result }))
  } else {
    if (message.kind === 'reset') {
      broker.reset()
      broker.mark = Number.POSITIVE_INFINITY
    }
    tell({ id, result: broker.counts })
  }
})
process.on('disconnect', () => process.exit())
tell({ ports })
