/**
 * Records what kafkajs, kcat and a broker say to each other. See ../README.md.
 *
 *   node capture.mjs BROKER_PORT PROXY_PORT FRAMES
 *
 * The broker must advertise 127.0.0.1:PROXY_PORT, so that every connection passes the recorder in this process.
 */
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import kafkajs from 'kafkajs'

const [brokerPort, proxyPort, out] = process.argv.slice(2)
const proxy = `127.0.0.1:${proxyPort}`
const versions = JSON.parse(readFileSync(new URL('cases.json', import.meta.url), 'utf8')).versions
/** By key, in the spelling of Kafka's message definitions. */
const apis = {
  0: 'Produce',
  1: 'Fetch',
  2: 'ListOffsets',
  3: 'Metadata',
  8: 'OffsetCommit',
  9: 'OffsetFetch',
  10: 'FindCoordinator',
  11: 'JoinGroup',
  12: 'Heartbeat',
  13: 'LeaveGroup',
  14: 'SyncGroup',
  18: 'ApiVersions',
  19: 'CreateTopics',
  22: 'InitProducerId',
}
/** At most this many frames of one client, API, version and direction, the first ones that differ in length. */
const KEPT = 3
const MAX_BYTES = 800
const frames = []

let client = ''

function keep(frame) {
  if (frame.frame.length > 2 * MAX_BYTES) return
  if (frame.version < versions[frame.api][0] || frame.version > versions[frame.api][1]) return
  const same = frames.filter(other => ['by', 'api', 'version', 'direction'].every(key => other[key] === frame[key]))
  if (same.length < KEPT && same.every(other => other.frame.length !== frame.frame.length)) frames.push(frame)
}

/** Calls back with each whole frame, size included. */
function splitter(onFrame) {
  let bytes = Buffer.alloc(0)
  return chunk => {
    bytes = Buffer.concat([bytes, chunk])
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
      const end = 4 + bytes.readInt32BE(0)
      onFrame(bytes.subarray(0, end))
      bytes = bytes.subarray(end)
    }
  }
}

const server = createServer(downstream => {
  const by = client
  const upstream = connect(Number(brokerPort), '127.0.0.1')
  const asked = new Map()
  const onRequest = splitter(frame => {
    const api = apis[frame.readInt16BE(4)]
    const version = frame.readInt16BE(6)
    asked.set(frame.readInt32BE(8), { api, version })
    if (api) keep({ by, madeBy: by, api, version, direction: 'request', frame: frame.toString('hex') })
  })
  const onResponse = splitter(frame => {
    const { api, version } = asked.get(frame.readInt32BE(4)) ?? {}
    if (!api) return
    const response = { by, madeBy: `broker, to ${by}`, api, direction: 'response', frame: frame.toString('hex') }
    // A version that no broker knows is answered in the form of version 0.
    keep(version === 77 ? { ...response, version: 4, bodyVersion: 0 } : { ...response, version })
  })
  downstream.on('data', chunk => {
    onRequest(chunk)
    upstream.write(chunk)
  })
  upstream.on('data', chunk => {
    onResponse(chunk)
    downstream.write(chunk)
  })
  for (const [one, other] of [
    [downstream, upstream],
    [upstream, downstream],
  ]) {
    one.on('close', () => other.destroy())
    one.on('error', () => other.destroy())
  }
})
await new Promise(resolve => server.listen(Number(proxyPort), '127.0.0.1', resolve))

client = 'bare socket'
await new Promise(resolve => {
  const socket = connect(Number(proxyPort), '127.0.0.1')
  socket.on('data', () => socket.destroy())
  socket.on('close', resolve)
  // ApiVersions 77: size, key, version, correlation id, client id, tags, two empty compact strings, tags
  socket.write(
    Buffer.from('00000012' + '0012' + '004d' + '00000007' + '0004' + '62617265' + '00' + '0101' + '00', 'hex'),
  )
})

client = 'kafkajs 2.2.4'
const kafka = new kafkajs.Kafka({ brokers: [proxy], clientId: 'kafkajs', logLevel: kafkajs.logLevel.ERROR })
const admin = kafka.admin()
await admin.connect()
await admin.createTopics({
  waitForLeaders: true,
  topics: [
    { topic: 'golden-1', numPartitions: 2, configEntries: [{ name: 'retention.ms', value: '3600000' }] },
    { topic: 'golden-2', replicaAssignment: [{ partition: 0, replicas: [1] }] },
  ],
})
await admin.fetchTopicOffsets('golden-1')
const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
await producer.connect()
await producer.send({
  topic: 'golden-1',
  messages: [
    {
      partition: 0,
      key: 'k',
      value: 'v',
      timestamp: '1700000000000',
      headers: { trace: 'abc', bytes: Buffer.from([0, 255]) },
    },
    { partition: 0, key: null, value: null, timestamp: '1700000000007' },
    { partition: 1, key: '', value: 'größe', timestamp: '1699999999999' },
  ],
})
await producer.send({
  topic: 'golden-2',
  compression: kafkajs.CompressionTypes.GZIP,
  messages: [{ value: 'zipped'.repeat(9) }],
})
await producer.disconnect()
const plain = kafka.producer()
await plain.connect()
await plain.send({ topic: 'golden-2', acks: 1, messages: [{ key: 'plain', value: 'no producer id' }] })
await plain.disconnect()
const consumer = kafka.consumer({ groupId: 'golden-kafkajs', heartbeatInterval: 200, sessionTimeout: 6000 })
await consumer.connect()
await consumer.subscribe({ topics: ['golden-1', 'golden-2'], fromBeginning: true })
let left = 5
await new Promise(resolve => {
  consumer.run({
    eachMessage: async ({ heartbeat }) => {
      await new Promise(resume => setTimeout(resume, 250))
      await heartbeat()
      if (--left === 0) resolve()
    },
  })
})
await consumer.stop()
await consumer.disconnect()
await admin.disconnect()

client = 'librdkafka 2.0.2'
function kcat(args, input = '') {
  return new Promise((resolve, reject) => {
    const child = spawn('kcat', ['-b', proxy, ...args], { stdio: ['pipe', 'ignore', 'inherit'] })
    child.on('error', reject)
    child.on('close', code => (code === 0 ? resolve() : reject(new Error(`kcat ${args.join(' ')}: exit code ${code}`))))
    child.stdin.end(input)
  })
}
await kcat(['-L'])
await kcat(
  ['-P', '-t', 'golden-1', '-p', '0', '-K:', '-Z', '-X', 'enable.idempotence=true', '-H', 'h=v'],
  'a:1\n:\nb:2\n',
)
await kcat(
  ['-P', '-t', 'golden-1', '-p', '1', '-z', 'snappy', '-X', 'enable.idempotence=true'],
  `${'snappy '.repeat(30)}\n`,
)
await kcat(['-P', '-t', 'golden-2', '-X', 'acks=1'], 'no producer id\n')
await kcat(['-C', '-t', 'golden-1', '-o', 'beginning', '-e', '-q'])
await kcat(['-Q', '-t', 'golden-1:0:1700000000000'])
await kcat([
  '-G',
  'golden-kcat',
  'golden-2',
  '-X',
  'auto.offset.reset=earliest',
  '-X',
  'heartbeat.interval.ms=50',
  '-X',
  'group.instance.id=i-1',
  '-c',
  '3',
])

server.close()
writeFileSync(out, JSON.stringify({ versions, frames: frames.map(({ by, ...frame }) => frame) }, null, 1))
console.log(`${frames.length} frames`)
process.exit(0)
