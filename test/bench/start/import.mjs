/** As require.cjs, loaded by import. */
import { createProducer } from '../../../dist/index.mjs'

const producer = createProducer({ brokers: [process.argv[2]] })
await producer.sendOne({ topic: 'orders', value: 'x' })
console.log(JSON.stringify({ ms: performance.now(), ...process.cpuUsage() }))
process.exit()
