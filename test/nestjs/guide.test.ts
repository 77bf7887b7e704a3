import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { startCluster, type TestCluster } from '../../src/testing/index.js'
import { compile, createProject, type Project } from '../support/install.js'

const guide = readFileSync(new URL('../../docs/nestjs.md', import.meta.url), 'utf8')
/** Each block, by the file that the text before it names. `src/main.ts` is there twice: the second one connects first. */
const blocks = [...guide.matchAll(/`(src\/[\w.-]+)`[^`]*(?:`(?!``)[^`]*`[^`]*)*\n\n```ts\n(.*?)^```$/gms)].map(
  ([, name, code]) => [name!, code!] as const,
)
const files = Object.fromEntries(blocks.toReversed())
const connectedMain = blocks.filter(([name]) => name === 'src/main.ts')[1]?.[1]

/** That of `nest new`, with `strict`, less `baseUrl`, which the compiler of this project does not know any more. */
const tsconfig = {
  compilerOptions: {
    module: 'nodenext',
    moduleResolution: 'nodenext',
    resolvePackageJsonExports: true,
    esModuleInterop: true,
    isolatedModules: true,
    declaration: true,
    removeComments: true,
    emitDecoratorMetadata: true,
    experimentalDecorators: true,
    allowSyntheticDefaultImports: true,
    target: 'ES2023',
    sourceMap: true,
    rootDir: './src',
    outDir: './dist',
    skipLibCheck: true,
    strictNullChecks: true,
    forceConsistentCasingInFileNames: true,
    noImplicitAny: true,
    strictBindCallApply: true,
    noFallthroughCasesInSwitch: true,
    // Where there is no other @types beside it.
    types: ['node'],
  },
}

/** Uses the module with two producers as an application would. */
const audit = `
import { NestFactory } from '@nestjs/core'
import { AuditedModule, Orders } from './audit'

async function run() {
  const app = await NestFactory.createApplicationContext(AuditedModule)
  await app.get(Orders).cancel('o-1')
  await app.close()
}
run()
`

/** Nest says that the application has started before it listens. */
const tellPort = `
const { Server } = require('node:net')
const { listen } = Server.prototype
Server.prototype.listen = function (...args) {
  this.once('listening', () => console.log('port ' + this.address().port))
  return listen.apply(this, args)
}
`

let project: Project
before(() => {
  // Without \`"type": "module"\`: CommonJS, as \`nest new\` makes it.
  project = createProject({
    'package.json': JSON.stringify({ name: 'shop', private: true }),
    'tsconfig.json': JSON.stringify(tsconfig),
    ...files,
    'src/connected-main.ts': connectedMain ?? '',
    'src/run-audit.ts': audit,
    'tell-port.cjs': tellPort,
  })
  compile('-p', project.folder)
})
after(() => project?.remove())

/** The guide's application in a process of its own. */
interface Application {
  readonly process: ChildProcess
  readonly url: string
  readonly output: () => string
}

async function start(main: string, brokers: string): Promise<Application> {
  const child = spawn(process.execPath, ['--require', './tell-port.cjs', `dist/${main}.js`], {
    cwd: project.folder,
    env: { ...process.env, KAFKA_BROKERS: brokers, PORT: '0', NO_COLOR: '1' },
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  let output = ''
  child.stderr.on('data', chunk => {
    output += chunk
  })
  const port = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', line => {
      output += `${line}\n`
      if (line.startsWith('port ')) resolve(line.slice(5))
    })
    child.once('close', () => reject(new Error(output)))
  })
  return { process: child, url: `http://127.0.0.1:${port}`, output: () => output }
}

async function end({ process: child }: Application): Promise<NodeJS.Signals | null> {
  child.kill('SIGTERM')
  const [, signal] = await once(child, 'close')
  return signal
}

const post = (url: string, body: object): Promise<Response> =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

/** A request whose server says that it has arrived, before it gets the body. */
function begin(url: string, body: object): { arrived: Promise<unknown>; status: Promise<number | undefined> } {
  const text = JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'content-length': text.length, expect: '100-continue' }
  const sent = request(url, { method: 'POST', headers, agent: false })
  const arrived = once(sent, 'continue').then(() => sent.end(text))
  const status = once(sent, 'response').then(([response]) => {
    response.resume()
    return response.statusCode
  })
  sent.flushHeaders()
  return { arrived, status }
}

const stored = (cluster: TestCluster, topic: string): string[] =>
  Array.from({ length: cluster.topics.get(topic) ?? 0 }, (_, partition) => cluster.records(topic, partition))
    .flat()
    .map(({ key, value, headers }) => `${key} ${value}${headers.map(([name, text]) => ` ${name}=${text}`).join('')}`)
    .sort()

const TOPICS = { orders: { partitions: 3 }, payments: { partitions: 1 }, audit: { partitions: 1 } }

test('the guide names every file that its application needs', () => {
  assert.deepEqual(Object.keys(files).sort(), [
    'src/app.module.ts',
    'src/audit.ts',
    'src/health.controller.ts',
    'src/main.ts',
    'src/orders.controller.ts',
    'src/orders.test.ts',
    'src/payments.module.ts',
  ])
  assert.match(connectedMain ?? '', /\.connect\(/)
  // No block is left out.
  assert.equal(blocks.length, [...guide.matchAll(/^```ts$/gm)].length)
})

test('the application answers when records are stored, by the producer and by the client, and its probes are up', async () => {
  await using cluster = await startCluster({ topics: TOPICS })
  const app = await start('main', cluster.brokers.join())
  const order = await post(`${app.url}/orders`, { customer: 'c-1', items: ['teapot'] })
  assert.equal(order.status, 201, app.output())
  assert.match(await order.text(), /^\{"partition":\d,"offset":"0"\}$/)
  const payment = await post(`${app.url}/payments`, { order: 'o-1', cents: 995 })
  assert.deepEqual([payment.status, await payment.json()], [201, { partition: 0 }])
  assert.deepEqual(stored(cluster, 'orders'), ['c-1 {"customer":"c-1","items":["teapot"]}'])
  assert.deepEqual(stored(cluster, 'payments'), ['o-1 {"order":"o-1","cents":995} source=shop'])
  for (const probe of ['live', 'ready']) {
    const response = await fetch(`${app.url}/health/${probe}`)
    const { status, details } = (await response.json()) as { status: string; details: { kafka: { state: string } } }
    assert.deepEqual([response.status, status, details.kafka.state], [200, 'ok', 'ready'])
  }
  assert.match(app.output(), /LOG \[RxKafka\] /)
  assert.equal(await end(app), 'SIGTERM', app.output())
})

test('SIGTERM while requests wait for their acks: each is answered, and each record is stored once', async () => {
  await using cluster = await startCluster({ topics: TOPICS })
  const app = await start('main', cluster.brokers.join())
  assert.equal((await post(`${app.url}/orders`, { customer: 'first', items: [] })).status, 201)
  cluster.inject({ fault: { kind: 'delay', ms: 300 }, times: Number.POSITIVE_INFINITY })
  const posts = Array.from({ length: 50 }, (_, i) => begin(`${app.url}/orders`, { customer: `c-${i}`, items: [] }))
  await Promise.all(posts.map(({ arrived }) => arrived))
  const ended = end(app)
  assert.deepEqual(await Promise.all(posts.map(({ status }) => status)), Array(50).fill(201), app.output())
  assert.equal(await ended, 'SIGTERM')
  assert.equal(stored(cluster, 'orders').length, 51)
  assert.equal(new Set(stored(cluster, 'orders')).size, 51)
})

test('without Kafka the application starts, and is not ready; the main that connects first does not start', async () => {
  const nowhere = '127.0.0.1:1'
  const app = await start('main', nowhere)
  const ready = await fetch(`${app.url}/health/ready`)
  const { error } = (await ready.json()) as { error: { kafka: { status: string; message: string } } }
  assert.deepEqual([ready.status, error.kafka.status], [503, 'down'])
  assert.match(error.kafka.message, /^the producer is not connected: [\s\S]*ECONNREFUSED/)
  assert.equal((await fetch(`${app.url}/health/live`)).status, 200)
  assert.equal(await end(app), 'SIGTERM')
  await assert.rejects(start('connected-main', nowhere), /ECONNREFUSED/)

  await using cluster = await startCluster({ topics: TOPICS })
  const connected = await start('connected-main', cluster.brokers.join())
  assert.equal(await end(connected), 'SIGTERM')
})

test('two producers, each in its own cluster', async () => {
  await using orders = await startCluster({ topics: TOPICS })
  await using audited = await startCluster({ topics: TOPICS })
  const file = join(project.folder, 'dist/audit.js')
  const code = readFileSync(file, 'utf8')
    .replace('localhost:9092', orders.brokers[0]!)
    .replace('audit.internal:9092', audited.brokers[0]!)

  writeFileSync(file, code)
  await run('dist/run-audit.js')
  assert.deepEqual(stored(orders, 'orders'), ['o-1 null'])
  assert.deepEqual(stored(audited, 'audit'), ['null o-1 was cancelled'])
  assert.deepEqual([stored(orders, 'audit'), stored(audited, 'orders')], [[], []])
})

test('the test of the guide passes', async () => {
  assert.match(await run('--test', '--test-reporter=tap', 'dist/orders.test.js'), /^# pass 1$/m)
})

async function run(...args: string[]): Promise<string> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const child = spawn(process.execPath, args, { cwd: project.folder, env, timeout: 60_000, killSignal: 'SIGKILL' })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      output += chunk
    })
  }
  const [code] = await once(child, 'close')
  assert.equal(code, 0, output)
  return output
}
