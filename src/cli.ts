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
    throw new Error(`there is one command, 'broker', not '${positionals.join(' ')}'\n\n${HELP}`)
  }
  const cluster = await startCluster({
    host: values.host,
    port: Number(values.port),
    nodes: Number(values.nodes),
    defaultPartitions: Number(values.partitions),
    replyDelayMs: Number(values['reply-delay']),
    topics: Object.fromEntries(values.topic.map(parseTopic)),
    trace: false,
  })
  console.log(`listening at ${cluster.brokers.join(',')}; Ctrl-C stops`)
  const stop = (): void => void cluster.stop()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

function parseTopic(text: string): [string, TopicOptions] {
  const [name = '', partitions] = text.split(':')
  return [name, partitions === undefined ? {} : { partitions: Number(partitions) }]
}
