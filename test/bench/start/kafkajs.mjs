/** As kafkajs.cjs, loaded by import. */
import kafkajs from 'kafkajs'

const producer = new kafkajs.Kafka({ brokers: [process.argv[2]], logLevel: kafkajs.logLevel.NOTHING }).producer()
await producer.connect()
await producer.send({ topic: 'orders', messages: [{ value: 'x' }] })
console.log(JSON.stringify({ ms: performance.now(), ...process.cpuUsage() }))
process.exit()
