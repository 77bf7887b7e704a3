/**
 * A sensor's readings, summed up by time before they are sent.
 *
 *     npm run example -- sensor
 */
import { bufferTime, filter, interval, map, take } from 'rxjs'
import { createProducer, serializers } from '../src/index.js'
import { openKafka } from './support/kafka.js'

interface Summary {
  readonly sensor: string
  readonly count: number
  readonly min: number
  readonly mean: number
  readonly max: number
}

const topic = 'example-sensor'
await using kafka = await openKafka({ topics: { [topic]: { partitions: 1 } } })
await using producer = createProducer({ brokers: kafka.brokers })

/** A reading every 5 ms: a room that slowly warms up. */
const celsius$ = interval(5).pipe(map(i => 20 + i / 100 + Math.sin(i)))

const summary$ = celsius$.pipe(
  bufferTime(100),
  filter(readings => readings.length > 0),
  map(
    (readings): Summary => ({
      sensor: 'hall',
      count: readings.length,
      min: Math.min(...readings),
      mean: readings.reduce((sum, reading) => sum + reading, 0) / readings.length,
      max: Math.max(...readings),
    }),
  ),
  take(10),
)

// A sensor can't be slowed down, so it pushes; bufferTime() is what keeps the rate down, however fast it is.
const written: { key: string; value: string }[] = []
await summary$
  .pipe(producer.send<Summary>({ topic, key: summary => summary.sensor, value: serializers.json }))
  .forEach(ack => {
    const { sensor, count, min, mean, max } = ack.record.metadata!
    if (ack.kind !== 'acked') throw new Error('a summary was not written', { cause: ack })
    console.log(
      `offset ${ack.offset}: ${count} readings, ${min.toFixed(1)} to ${max.toFixed(1)} °C, ${mean.toFixed(1)} on average`,
    )
    written.push({ key: sensor, value: String(ack.record.value) })
  })

kafka.verify(topic, written)
