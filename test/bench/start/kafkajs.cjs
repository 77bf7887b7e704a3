/** As require.cjs, by kafkajs with its defaults, which are less than rx-kafka's: not idempotent. */
const { Kafka, logLevel } = require('kafkajs')

const producer = new Kafka({ brokers: [process.argv[2]], logLevel: logLevel.NOTHING }).producer()
producer
  .connect()
  .then(() => producer.send({ topic: 'orders', messages: [{ value: 'x' }] }))
  .then(() => {
    console.log(JSON.stringify({ ms: performance.now(), ...process.cpuUsage() }))
    process.exit()
  })
