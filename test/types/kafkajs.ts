/** Checked by the compiler, never run: what stands in for kafkajs is of its types. */
import type * as theirs from 'kafkajs'
import * as ours from '../../src/kafkajs/index.js'
import { expectType } from './expect.js'

type Extends<A, B> = A extends B ? true : false

declare const kafka: ours.Kafka
declare const config: theirs.KafkaConfig
declare const error: unknown

// The producer is kafkajs's, both ways, and so is everything else that the client gives.
expectType<theirs.Producer>()(kafka.producer())
expectType<theirs.Consumer>()(kafka.consumer({ groupId: 'g' }))
expectType<theirs.Admin>()(kafka.admin())
expectType<theirs.Logger>()(kafka.logger())
expectType<true>()({} as Extends<ours.Producer, theirs.Producer>)
expectType<true>()({} as Extends<ours.Kafka, theirs.Kafka>)
expectType<true>()({} as Extends<typeof ours, Pick<typeof theirs, keyof typeof theirs>>)

// Its configuration is taken as it is.
expectType<ours.Kafka>()(new ours.Kafka(config))
expectType<[config: theirs.KafkaConfig]>()({} as ConstructorParameters<typeof ours.Kafka>)
expectType<[config?: theirs.ProducerConfig | undefined]>()({} as Parameters<ours.Kafka['producer']>)
expectType<Promise<theirs.RecordMetadata[]>>()(kafka.producer().send({ topic: 't', messages: [] }))

// Its errors can be told apart.
if (error instanceof ours.KafkaJSProtocolError) expectType<string>()(error.type)
if (error instanceof ours.KafkaJSNumberOfRetriesExceeded) expectType<number>()(error.retryCount)
expectType<theirs.KafkaJSError>()({} as ours.KafkaJSError)

// Its types have their names here, too.
expectType<theirs.EachMessagePayload>()({} as ours.EachMessagePayload)
expectType<theirs.CompressionTypes>()(ours.CompressionTypes.GZIP as ours.CompressionTypes)

// @ts-expect-error: as in kafkajs, a client needs brokers
new ours.Kafka({})
// @ts-expect-error: as in kafkajs, messages need a value
kafka.producer().send({ topic: 't', messages: [{ key: 'k' }] })
