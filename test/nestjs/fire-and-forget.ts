/** A Nest application that sends a thousand records, waits for none of them, and goes on until it gets a signal. */
import 'reflect-metadata'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { Producer } from '../../src/index.js'
import { getProducerToken, RxKafkaModule } from '../../src/nestjs/index.js'

class Root {}
// Small batches, so that most records have not even been sent when the signal comes.
Module({ imports: [RxKafkaModule.forRoot({ brokers: process.argv[2]!.split(','), batchSize: 1_024 })] })(Root)

const app = await NestFactory.create(Root, { logger: false })
app.enableShutdownHooks()
await app.listen(0, '127.0.0.1')
const producer = app.get<Producer>(getProducerToken())
await producer.connect()
for (let i = 0; i < 1_000; i++) void producer.sendOne({ topic: 't', value: `v${i}` })
console.log('sent 1000')
