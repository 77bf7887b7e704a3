import { firstValueFrom } from 'rxjs'
import { describe } from '../../errors.js'
import type { TopicOptions } from '../../testing/index.js'
import { CommandError, EXIT } from '../errors.js'
import type { CommandSpec } from '../flags/flag.js'
import { wholeNumber } from '../flags/read-flags.js'
import type { Command } from './command.js'

const SPEC: CommandSpec = {
  name: 'broker',
  summary: 'starts Kafka brokers that keep everything in memory, for tests and tries',
  usage: '[flags]',
  groups: [
    {
      title: 'Flags',
      flags: [
        {
          name: 'port',
          value: 'N',
          help: "the first broker's port, the others take those that follow;\n0: any that are free (9092)",
        },
        { name: 'host', value: 'H', help: 'the address to listen at (127.0.0.1)' },
        { name: 'nodes', value: 'N', help: 'how many brokers (1)' },
        {
          name: 'topic',
          value: 'NAME[:N]',
          multiple: true,
          help: 'a topic to begin with, with N partitions; more than once',
        },
        { name: 'partitions', value: 'N', help: 'partitions of topics that are created when asked for (3)' },
        { name: 'reply-delay', value: 'MS', help: 'after which each request is answered (0)' },
      ],
    },
  ],
  examples: [
    ['one broker at localhost:9092, which creates topics when asked for', 'rx-kafka broker'],
    [
      'three brokers, 20 ms away, and a topic with six partitions',
      'rx-kafka broker --nodes 3 --reply-delay 20 --topic orders:6',
    ],
  ],
}

export const broker: Command = {
  spec: SPEC,
  async run(flags, { stdout, interrupts$ }) {
    const host = flags.text('host')
    const options = {
      ...(host !== undefined && { host }),
      port: flags.wholeNumber('port', 0, 65_535) ?? 9092,
      nodes: flags.wholeNumber('nodes', 1, 100) ?? 1,
      defaultPartitions: flags.wholeNumber('partitions', 1, 100_000) ?? 3,
      replyDelayMs: flags.wholeNumber('reply-delay', 0, 2 ** 31 - 1) ?? 0,
      topics: Object.fromEntries(flags.all('topic').map(parseTopic)),
      trace: false,
    }
    // Only now: the other commands start sooner without it.
    const { startCluster } = await import('../../testing/index.js')
    const interrupted = firstValueFrom(interrupts$)
    const cluster = await startCluster(options).catch((error: unknown) => {
      throw new CommandError(describe(error), error instanceof RangeError ? EXIT.usage : EXIT.failed)
    })
    stdout.write(`listening at ${cluster.brokers.join(',')}; Ctrl-C stops\n`)
    await interrupted
    await cluster.stop()
    return EXIT.ok
  },
}

function parseTopic(text: string): [string, TopicOptions] {
  const colon = text.indexOf(':')
  if (colon === -1) return [text, {}]
  return [
    text.slice(0, colon),
    { partitions: wholeNumber(`--topic ${text}: partitions`, text.slice(colon + 1), 1, 100_000) },
  ]
}
