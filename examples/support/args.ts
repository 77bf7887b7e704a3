import { parseArgs } from 'node:util'

const HELP = `npm start -- [options]

Sends a file, line by line, to Kafka, shows how it goes, reads everything back and checks it.
Without --brokers it starts an embedded cluster of three nodes, and without --file it makes up its events.

  --brokers HOST:PORT,…   a Kafka to send to
  --topic NAME            default rx-kafka-main-job
  --file PATH             one record a line; - is standard input
  --records N             how many events to make up (default 50000)
  --key-field NAME        the field of a JSON line that is the record's key (default customer)
  --time-field NAME       the field that is its timestamp, in ms (default at)
  --compression CODEC     none (default) or snappy
  --linger MS             default 0
  --delivery-timeout MS   default 120000
  --help

Exit codes: 0 every record was acked and verified, 1 it was not, 2 the options are wrong, 130 interrupted.
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
  try {
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
    const { compression } = values
    if (compression !== 'none' && compression !== 'snappy')
      throw new Error(`--compression is none or snappy, not '${compression}'`)
    return {
      brokers: values.brokers?.split(',').filter(Boolean),
      topic: values.topic,
      file: values.file,
      records: natural('--records', values.records),
      keyField: values['key-field'],
      timeField: values['time-field'],
      compression,
      linger: natural('--linger', values.linger),
      deliveryTimeoutMs: natural('--delivery-timeout', values['delivery-timeout']),
    }
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${HELP}`)
    process.exit(2)
  }
}

function natural(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name} is a whole number from 0, not '${text}'`)
  return value
}
