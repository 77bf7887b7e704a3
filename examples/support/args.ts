import { accessSync, constants } from 'node:fs'
import { parseArgs } from 'node:util'

const HELP = `npm start -- [options]

Sends a file, line by line, to Kafka, shows how it goes, reads everything back and checks it.
Without --brokers it starts an embedded cluster of three nodes, and without --file it makes up its events.

  --brokers HOST:PORT,…   a Kafka to send to
  --topic NAME            default rx-kafka-main-job
  --file PATH             one record a line; - is standard input
  --records N             how many events to make up (default 50000)
  --key-field NAME        the field of a JSON line that is the record's key (default customer)
  --time-field NAME       the field that is its timestamp, in ms (default at); without: the time of sending
  --compression CODEC     none (default) or snappy
  --linger MS             how long a batch waits for more records (default 0)
  --delivery-timeout MS   how long a record may take (default 120000)
  --help

Lines that are not JSON, or lack the field, are sent without key. Ctrl-C and
SIGTERM deliver what was accepted, and stop.

Exit codes: 0 every record was acked and verified, 1 it was not, 2 the options are wrong, 130 Ctrl-C, 143 SIGTERM.
`

export interface JobOptions {
  /** undefined: the embedded cluster. */
  readonly brokers: readonly string[] | undefined
  readonly topic: string
  /** undefined: made-up events. */
  readonly file: string | undefined
  readonly records: number
  readonly keyField: string
  readonly timeField: string
  readonly compression: 'none' | 'snappy'
  readonly linger: number
  readonly deliveryTimeoutMs: number
}

/** Reads the command line; prints help or what is wrong with it, and exits, where there is nothing else to do. */
export function readArgs(): JobOptions {
  return orExit(() => {
    const { values } = parseArgs({
      options: {
        brokers: { type: 'string' },
        topic: { type: 'string', default: 'rx-kafka-main-job' },
        file: { type: 'string' },
        records: { type: 'string', default: '50000' },
        'key-field': { type: 'string', default: 'customer' },
        'time-field': { type: 'string', default: 'at' },
        compression: { type: 'string', default: 'none' },
        linger: { type: 'string', default: '0' },
        'delivery-timeout': { type: 'string', default: '120000' },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      console.log(HELP)
      process.exit(0)
    }
    const linger = integer('--linger', values.linger, 0)
    return {
      brokers: values.brokers?.split(',').map(brokerAddress),
      topic: matching('--topic', values.topic, /^[\w.-]{1,249}$/, 'letters, digits, dots, underscores and hyphens'),
      file: values.file === undefined ? undefined : readable(values.file),
      records: integer('--records', values.records, 1),
      keyField: values['key-field'],
      timeField: values['time-field'],
      compression: matching('--compression', values.compression, /^(none|snappy)$/, 'none or snappy') as 'none',
      linger,
      deliveryTimeoutMs: integer('--delivery-timeout', values['delivery-timeout'], linger + 1),
    }
  }, HELP)
}

/** What `read` gives; if it throws: what is wrong, how to do it right, and exit code 2. */
export function orExit<T>(read: () => T, help: string): T {
  try {
    return read()
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`)
    process.exit(2)
  }
}

/** A whole number from `min` to what Kafka has room for. */
export function integer(name: string, text: string, min: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value < 2 ** 31) return value
  throw new Error(`${name} is a whole number from ${min} to ${2 ** 31 - 1}, not '${text}'`)
}

function matching(name: string, text: string, pattern: RegExp, rule: string): string {
  if (pattern.test(text)) return text
  throw new Error(`${name} is ${rule}, not '${text}'`)
}

/** One of `--brokers`, if it looks like one. */
export function brokerAddress(text: string): string {
  const match = /^(?:\[[^\]\s]+\]|[^\s:/[\]]+)(?::(\d{1,5}))?$/.exec(text)
  const port = Number(match?.[1] ?? 9092)
  if (match !== null && port >= 1 && port <= 65_535) return text
  throw new Error(`--brokers is HOST:PORT,HOST:PORT,… with ports from 1 to 65535, not '${text}'`)
}

function readable(path: string): string {
  try {
    if (path !== '-') accessSync(path, constants.R_OK)
  } catch (cause) {
    throw new Error(`--file cannot be read: ${(cause as Error).message}`, { cause })
  }
  return path
}
