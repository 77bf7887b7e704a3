/** Joins a group, reads so many records, prints itself as a member and what it read, and stays in the group until its standard input ends. */
import { once } from 'node:events'
import { Consumer } from '../bench/node_modules/@platformatic/kafka/dist/index.js'

const { brokers, groupId, topic, count } = JSON.parse(process.argv[2])
const consumer = new Consumer({
  ...{ clientId: 'rx-kafka-test', groupId, bootstrapBrokers: brokers },
  ...{ autocommit: false, heartbeatInterval: 100, sessionTimeout: 10_000, rebalanceTimeout: 10_000 },
})
const messages = await consumer.consume({
  topics: [topic],
  autocommit: false,
  mode: 'committed',
  fallbackMode: 'earliest',
})
const records = []
if (count > 0) {
  for await (const { topic, partition, offset, value } of messages) {
    records.push({ topic, partition, offset: String(offset), value: String(value) })
    if (records.length === count) break
  }
}
const { memberId, generationId } = consumer
console.log(JSON.stringify({ member: { groupId, memberId, generationId }, records }))
process.stdin.resume()
await once(process.stdin, 'end')
await consumer.close(true)
process.exit()
