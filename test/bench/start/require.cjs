/** A record by rx-kafka, loaded by require(): the process ends at its ack, and says what it took. */
const { createProducer } = require('../../../dist/index.cjs')

const producer = createProducer({ brokers: [process.argv[2]] })
producer.sendOne({ topic: 'orders', value: 'x' }).then(() => {
  console.log(JSON.stringify({ ms: performance.now(), ...process.cpuUsage() }))
  process.exit()
})
