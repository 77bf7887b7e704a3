/** What cli.ts compares the command with: the same lines as it, made in memory, through `sendBatches()`. */
import { createProducer } from '../../src/index.js'
import { feed } from './feed.js'

const [brokers = '', lines, size] = process.argv.slice(2)
const value = Buffer.from(`{"id":0,"customer":"c-0","text":"`.padEnd(Number(size) - 2, 'x').concat('"}'))
const producer = createProducer({ brokers: brokers.split(',') })
await feed(producer, 'sendBatches', Number(lines), () => ({ topic: 't', value }), 16_777_216)
await producer.close()
