/** kafkajs. It sends what it is given as it is, and with idempotence one request after the other. */
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import kafkajs from 'kafkajs'
import lz4 from 'lz4-napi'
import snappy from 'snappy'
import { program, recordsPerBatch, sendInCalls, settings } from './program.mjs'

const { brokers, topic, partitions } = settings
const count = partitions * recordsPerBatch
/** While one request is with the broker, the next one is got ready. */
const WIDTH = 2

const { CompressionCodecs, CompressionTypes } = kafkajs
const { None, GZIP: gzip, Snappy, LZ4, ZSTD } = CompressionTypes
const compression = { none: None, gzip, snappy: Snappy, lz4: LZ4, zstd: ZSTD }[settings.codec ?? 'none']
// It has gzip; others come from packages, as its documentation says, which have not been kept up: the same codecs as ours instead.
CompressionCodecs[Snappy] = () => ({ compress: encoder => snappy.compress(encoder.buffer) })
CompressionCodecs[LZ4] = () => ({ compress: encoder => lz4.compressFrame(encoder.buffer) })
CompressionCodecs[ZSTD] = () => ({ compress: encoder => promisify(zlib.zstdCompress)(encoder.buffer) })

await program(
  `idempotent: true, acks: -1, ${WIDTH} calls of send() at a time with ${count} messages each`,
  async () => {
    const kafka = new kafkajs.Kafka({
      brokers,
      ssl: settings.ca && { ca: settings.ca },
      logLevel: kafkajs.logLevel.NOTHING,
    })
    const producer = kafka.producer({
      idempotent: true,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: true,
    })
    await producer.connect()
    await sendInCalls(
      count,
      WIDTH,
      value => ({ value }),
      messages => producer.send({ topic, acks: -1, messages, compression }),
    )
    await producer.disconnect()
  },
)
