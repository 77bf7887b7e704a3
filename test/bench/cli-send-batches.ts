/** What cli.ts compares the command with: the lines of the same file, read into memory at once, through `sendBatches()`. */
import { readFileSync } from 'node:fs'
import { feed } from './feed.js'

const NEWLINE = 0x0a

const [dist, brokers = '', lines, file = ''] = process.argv.slice(2)
const { createProducer }: typeof import('../../src/index.js') = await import(`${dist}/index.cjs`)
const bytes = readFileSync(file)
const producer = createProducer({ brokers: brokers.split(',') })
let start = 0

function next(): { topic: string; value: Buffer } {
  const end = bytes.indexOf(NEWLINE, start)
  const value = bytes.subarray(start, end)
  start = end + 1
  return { topic: 't', value }
}

await feed(producer, 'sendBatches', Number(lines), next, 16_777_216)
await producer.close()
