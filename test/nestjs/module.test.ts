import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Inject, Module, type Type } from '@nestjs/common'
import { filter, firstValueFrom } from 'rxjs'
import { InvalidArgumentError, type Producer, type ProducerOptions } from '../../src/index.js'
import { getProducerToken, InjectProducer, RxKafkaModule } from '../../src/nestjs/index.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'
import { createContext, Lines } from './support.js'

const TOPICS = { t: { partitions: 1 } }
const values = (cluster: TestCluster): string[] => cluster.records('t', 0).map(({ value }) => String(value))
const delay = { fault: { kind: 'delay', ms: 200 }, times: Number.POSITIVE_INFINITY } as const

test('forRoot: the producer is injected anywhere, and close() delivers what nobody has waited for', async () => {
  await using cluster = await startCluster({ topics: TOPICS })
  class Orders {
    readonly producer: Producer
    constructor(producer: Producer) {
      this.producer = producer
    }
  }
  InjectProducer()(Orders, undefined, 0)
  class Feature {}
  Module({ providers: [Orders], exports: [Orders] })(Feature)
  const app = await createContext({ imports: [RxKafkaModule.forRoot({ brokers: cluster.brokers }), Feature] })
  const { producer } = app.get(Orders)
  assert.equal(producer, app.get(getProducerToken()))
  cluster.inject(delay)
  const acks = Array.from({ length: 100 }, (_, i) => producer.sendOne({ topic: 't', value: `v${i}` }))
  await app.close()
  assert.equal(producer.health().state, 'closed')
  assert.equal((await Promise.all(acks)).length, 100)
  assert.deepEqual(
    values(cluster),
    Array.from({ length: 100 }, (_, i) => `v${i}`),
  )
})

test('the producer closes last: every hook of a module that uses it may still send', async () => {
  await using cluster = await startCluster({ topics: TOPICS })
  const said: string[] = []
  class Talker {
    readonly producer: Producer
    constructor(producer: Producer) {
      this.producer = producer
    }
    say(value: string): Promise<unknown> {
      said.push(value)
      return this.producer.sendOne({ topic: 't', value })
    }
    onModuleDestroy(): Promise<unknown> {
      return this.say('onModuleDestroy')
    }
    beforeApplicationShutdown(): Promise<unknown> {
      return this.say('beforeApplicationShutdown')
    }
    onApplicationShutdown(): void {
      void this.say('onApplicationShutdown')
    }
  }
  InjectProducer()(Talker, undefined, 0)
  // In a module of its own, and in the root, which also imports the producer.
  class Feature {}
  Module({ providers: [Talker] })(Feature)
  const app = await createContext({
    imports: [Feature, RxKafkaModule.forRoot({ brokers: cluster.brokers })],
    providers: [Talker],
  })
  await app.close()
  assert.equal(said.length, 6)
  assert.deepEqual(values(cluster).toSorted(), said.toSorted())
})

test('closeTimeoutMs bounds the shutdown: what has no ack by then fails', async () => {
  await using cluster = await startCluster({ topics: TOPICS })
  const app = await createContext({
    imports: [RxKafkaModule.forRoot({ brokers: cluster.brokers, closeTimeoutMs: 50 })],
  })
  cluster.inject({ fault: { kind: 'neverAnswer' } })
  const sent = app.get<Producer>(getProducerToken()).sendOne({ topic: 't', value: 'v' })
  const failed = assert.rejects(sent, /`timeoutMs` \(50\) is over/)
  await app.close()
  await failed
})

test('a signal after enableShutdownHooks() delivers what nobody has waited for, and then ends the process', async () => {
  await using cluster = await startCluster({ topics: TOPICS })
  cluster.inject({ fault: { kind: 'delay', ms: 300 }, times: 2 })
  const program = fileURLToPath(new URL('./fire-and-forget.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', program, cluster.brokers.join()], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  const closed = once(child, 'close')
  const arrived = firstValueFrom(cluster.trace$.pipe(filter(({ kind }) => kind === 'fault')))
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  assert.equal(line, 'sent 1000')
  await arrived
  child.kill('SIGTERM')
  assert.deepEqual(await closed, [null, 'SIGTERM'])
  assert.deepEqual(
    values(cluster),
    Array.from({ length: 1_000 }, (_, i) => `v${i}`),
  )
})

test('forRootAsync: options come from a factory, a class, or an existing provider, each with its imports', async () => {
  await using cluster = await startCluster({ topics: TOPICS })
  class Settings {
    createRxKafkaOptions(): Promise<ProducerOptions> {
      return Promise.resolve({ brokers: cluster.brokers })
    }
  }
  class SettingsModule {}
  Module({ providers: [Settings], exports: [Settings] })(SettingsModule)
  const imports = [SettingsModule]
  for (const [i, options] of [
    { imports, inject: [Settings], useFactory: (settings: Settings) => settings.createRxKafkaOptions() },
    { useFactory: () => ({ brokers: cluster.brokers }) },
    { useClass: Settings },
    { imports, useExisting: Settings },
  ].entries()) {
    const app = await createContext({ imports: [RxKafkaModule.forRootAsync(options)] })
    await app.get<Producer>(getProducerToken()).sendOne({ topic: 't', value: `v${i}` })
    await app.close()
  }
  assert.deepEqual(values(cluster), ['v0', 'v1', 'v2', 'v3'])
})

test('several producers, by name, each closed with the application', async () => {
  await using cluster = await startCluster({ topics: TOPICS })
  await using audit = await startCluster({ topics: TOPICS })
  class Both {
    readonly main: Producer
    readonly audit: Producer
    constructor(main: Producer, audit: Producer) {
      this.main = main
      this.audit = audit
    }
  }
  InjectProducer()(Both, undefined, 0)
  Inject(getProducerToken('audit'))(Both, undefined, 1)
  const app = await createContext({
    imports: [
      RxKafkaModule.forRoot({ brokers: cluster.brokers }),
      RxKafkaModule.forRootAsync({ name: 'audit', useFactory: () => ({ brokers: audit.brokers }) }),
    ],
    providers: [Both],
  })
  const both = app.get(Both)
  await Promise.all([both.main.sendOne({ topic: 't', value: 'a' }), both.audit.sendOne({ topic: 't', value: 'b' })])
  await app.close()
  assert.deepEqual([values(cluster), values(audit)], [['a'], ['b']])
  assert.deepEqual([both.main.health().state, both.audit.health().state], ['closed', 'closed'])
})

test('wrong options are refused when the application is created, by name; wrong factories at the call', async () => {
  const wrong = (options: object): Promise<unknown> =>
    createContext({ imports: [RxKafkaModule.forRoot({ brokers: ['localhost:1'], ...options })] })
  await assert.rejects(wrong({ frobnicate: 1 }), /`frobnicate`/)
  await assert.rejects(wrong({ linger: -1 }), /`linger`/)
  for (const closeTimeoutMs of [-1, 1.5, '5'])
    await assert.rejects(wrong({ closeTimeoutMs }), new RegExp(`\`closeTimeoutMs\` .* but it is ${closeTimeoutMs}$`))
  await assert.rejects(
    createContext({ imports: [RxKafkaModule.forRootAsync({ useFactory: () => ({}) as ProducerOptions })] }),
    /`brokers`/,
  )
  class Settings {
    createRxKafkaOptions(): ProducerOptions {
      return { brokers: [] }
    }
  }
  const useClass: Type<Settings> = Settings
  for (const [given, options] of [
    [0, {}],
    [2, { useClass, useExisting: useClass }],
  ] as const) {
    assert.throws(
      () => RxKafkaModule.forRootAsync(options),
      (error: Error) => {
        assert.ok(error instanceof InvalidArgumentError)
        return new RegExp(`was given ${given} of them`).test(error.message)
      },
    )
  }
})

test('the producer logs with the logger of Nest, or with its own where it is given one', async () => {
  await using cluster = await startCluster({ topics: TOPICS })
  for (const [name, context] of [
    [undefined, 'RxKafka'],
    ['audit', 'RxKafka:audit'],
  ] as const) {
    const nest = new Lines()
    const options = { brokers: cluster.brokers, ...(name !== undefined && { name }) }
    const app = await createContext({ imports: [RxKafkaModule.forRoot(options)] }, nest)
    await app.get<Producer>(getProducerToken(name)).sendOne({ topic: 't', value: 'v' })
    await app.close()
    assert.ok(
      nest.lines.some(line => line.startsWith(`log [${context}] `)),
      nest.lines.join('\n'),
    )
  }
  const nest = new Lines()
  const own: string[] = []
  const add = (_fields: object, message: string): void => void own.push(message)
  const logger = { debug: add, info: add, warn: add, error: add }
  const app = await createContext({ imports: [RxKafkaModule.forRoot({ brokers: cluster.brokers, logger })] }, nest)
  await app.get<Producer>(getProducerToken()).sendOne({ topic: 't', value: 'v' })
  await app.close()
  assert.ok(own.length > 0)
  assert.deepEqual(
    nest.lines.filter(line => line.includes('[RxKafka')),
    [],
  )
})
