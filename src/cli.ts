#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { describe } from './errors.js'
import { startCluster, type TopicOptions } from './testing/index.js'
import { VERSION } from './version.js'

const HELP = `rx-kafka ${VERSION}

  rx-kafka broker [options]   starts Kafka brokers that hold everything in memory, for tests and tries

  --port N            the first broker's port, the others take those that follow (default 9092)
  --host H            the address to listen at (default 127.0.0.1)
  --nodes N           how many brokers (default 1)
  --topic NAME[:N]    a topic to begin with, with N partitions; may be given more than once
  --partitions N      partitions of topics that are created when asked for (default 3)
  --reply-delay N     ms after which each request is answered (default 0)
  --help, --version
`

try {
  await main()
} catch (error) {
  console.error(`rx-kafka: ${describe(error)}`)
  process.exitCode = 1
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      port: { type: 'string', default: '9092' },
      host: { type: 'string', default: '127.0.0.1' },
      nodes: { type: 'string', default: '1' },
      topic: { type: 'string', multiple: true, default: [] },
      partitions: { type: 'string', default: '3' },
      'reply-delay': { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
      version: { type: 'boolean', default: false },
    },
  })
  if (values.version) return void console.log(VERSION)
  if (values.help) return void console.log(HELP)
  if (positionals[0] !== 'broker' || positionals.length > 1) {
    const given = positionals.length === 0 ? 'none was given' : `not '${positionals.join(' ')}'`
    throw new Error(`the only command is 'broker', ${given}\n\n${HELP}`)
  }
  const cluster = await startCluster({
    host: values.host,
    port: wholeNumber('--port', values.port, 0, 65_535),
    nodes: wholeNumber('--nodes', values.nodes, 1, 100),
    defaultPartitions: wholeNumber('--partitions', values.partitions, 1, 100_000),
    replyDelayMs: wholeNumber('--reply-delay', values['reply-delay'], 0, 2 ** 31),
    topics: Object.fromEntries(values.topic.map(parseTopic)),
    trace: false,
  })
  console.log(`listening at ${cluster.brokers.join(',')}; Ctrl-C stops`)
  const stop = (): void => void cluster.stop()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

function parseTopic(text: string): [string, TopicOptions] {
  const colon = text.indexOf(':')
  if (colon === -1) return [text, {}]
  return [
    text.slice(0, colon),
    { partitions: wholeNumber(`--topic ${text}: partitions`, text.slice(colon + 1), 1, 100_000) },
  ]
}

/** Digits only: Number() would take '', ' 1' and '0x10' too. */
function wholeNumber(what: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new Error(`${what} must be a whole number from ${min} to ${max}, not '${text}'`)
}
