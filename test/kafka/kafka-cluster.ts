import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import kafkajs from 'kafkajs'
import { jarsOf, type KafkaVersion } from './jars.js'

const run = promisify(execFile)
const READY_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 20_000

export type SecureListener = 'SASL_PLAINTEXT' | 'SSL' | 'SASL_SSL'

export interface KafkaClusterOptions {
  readonly version?: KafkaVersion
  readonly nodes?: number
  /** Listeners beside the plain one; see {@link KafkaCluster.brokersAt}. */
  readonly listeners?: readonly SecureListener[]
  /** SCRAM users, as StorageTool takes them: `SCRAM-SHA-256=[name=alice,password=secret]`. */
  readonly scram?: readonly string[]
  /** More broker properties. */
  readonly properties?: Readonly<Record<string, string | number>>
}

/** A batch as DumpLogSegments tells of it. */
export interface DumpedBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly count: number
  readonly baseSequence: number
  readonly lastSequence: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly compresscodec: string
  readonly isvalid: boolean
}

interface Node {
  readonly id: number
  readonly port: number
  readonly ports: ReadonlyMap<SecureListener, number>
  readonly properties: string
  readonly data: string
  process: ChildProcess | undefined
}

/** Apache Kafka in processes of its own, in KRaft mode, in a temporary folder that goes when it is stopped. */
export class KafkaCluster implements AsyncDisposable {
  readonly brokers: string[]
  readonly #folder: string
  readonly #jars: string
  readonly #nodes: Node[]

  /** Use {@link KafkaCluster.start}. */
  private constructor(folder: string, jars: string, nodes: Node[]) {
    this.#folder = folder
    this.#jars = jars
    this.#nodes = nodes
    this.brokers = nodes.map(node => `127.0.0.1:${node.port}`)
  }

  static async start(options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
    const { version = '4.1.2', nodes = 1, listeners = [], scram = [], properties = {} } = options
    const folder = mkdtempSync(join(tmpdir(), 'rx-kafka-'))
    const ports = await freePorts(nodes * (2 + listeners.length))
    const voters = ports.slice(nodes, nodes * 2).map((port, i) => `${i + 1}@127.0.0.1:${port}`)
    const replicas = Math.min(nodes, 3)
    const all = Array.from({ length: nodes }, (_, i): Node => {
      const [id, port, controllerPort] = [i + 1, ports[i]!, ports[nodes + i]!]
      const secure = new Map(listeners.map((name, j) => [name, ports[nodes * (2 + j) + i]!]))
      const clients = [`PLAINTEXT://127.0.0.1:${port}`, ...[...secure].map(([name, at]) => `${name}://127.0.0.1:${at}`)]
      const data = join(folder, `data-${id}`)
      const file = join(folder, `node-${id}.properties`)
      const text = Object.entries({
        'process.roles': 'broker,controller',
        'node.id': id,
        'controller.quorum.voters': voters.join(),
        listeners: `${clients.join()},CONTROLLER://127.0.0.1:${controllerPort}`,
        'advertised.listeners': clients.join(),
        'controller.listener.names': 'CONTROLLER',
        'listener.security.protocol.map': [
          'CONTROLLER:PLAINTEXT',
          ...['PLAINTEXT', ...listeners].map(name => `${name}:${name}`),
        ].join(),
        'log.dirs': data,
        'num.partitions': 3,
        'offsets.topic.replication.factor': replicas,
        'transaction.state.log.replication.factor': replicas,
        'transaction.state.log.min.isr': Math.min(replicas, 2),
        'default.replication.factor': replicas,
        'min.insync.replicas': Math.min(replicas, 2),
        'group.initial.rebalance.delay.ms': 0,
        'broker.session.timeout.ms': 3000,
        'broker.heartbeat.interval.ms': 500,
        ...properties,
      })
      mkdirSync(data)
      writeFileSync(file, text.map(([name, value]) => `${name}=${value}\n`).join(''))
      return { id, port, ports: secure, properties: file, data, process: undefined }
    })
    const cluster = new KafkaCluster(folder, jarsOf(version), all)
    // Whatever ends the tests ends the brokers.
    process.once('exit', () => cluster.#killAll())
    try {
      const users = scram.flatMap(user => ['--add-scram', user])
      const uuid = randomBytes(16).toString('base64url')
      await Promise.all(
        all.map(node => cluster.java('kafka.tools.StorageTool', 'format', '-t', uuid, '-c', node.properties, ...users)),
      )
      for (const node of all) cluster.startNode(node.id)
      await cluster.#ready()
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  /** Where clients of a secure listener begin. */
  brokersAt(listener: SecureListener): string[] {
    return this.#nodes.map(({ ports }) => `127.0.0.1:${ports.get(listener)}`)
  }

  /** Runs one of Kafka's tools; gives what it prints. */
  async java(main: string, ...args: string[]): Promise<string> {
    const { stdout } = await run('java', ['-Xmx256m', '-cp', join(this.#jars, '*'), main, ...args], {
      maxBuffer: 2 ** 30,
    })
    return stdout
  }

  /** The class path, for programs of a test's own. */
  get classPath(): string {
    return join(this.#jars, '*')
  }

  startNode(id: number): void {
    const node = this.#node(id)
    const log = createWriteStream(join(this.#folder, `node-${id}.log`), { flags: 'a' })
    node.process = spawn('java', ['-Xmx512m', '-cp', this.classPath, 'kafka.Kafka', node.properties])
    node.process.stdout?.pipe(log, { end: false })
    node.process.stderr?.pipe(log, { end: false })
  }

  /** Sends a signal to a broker: SIGTERM stops it, SIGKILL is a crash, SIGSTOP and SIGCONT a hang. */
  kill(id: number, signal: NodeJS.Signals): void {
    this.#node(id).process?.kill(signal)
  }

  async createTopic(
    topic: string,
    numPartitions: number,
    configs: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const admin = this.kafkajs().admin()
    await admin.connect()
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions, configEntries }] })
    await admin.disconnect()
  }

  kafkajs(): kafkajs.Kafka {
    return new kafkajs.Kafka({ brokers: this.brokers, logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 20 } })
  }

  /** What a replica of a partition holds, as Kafka's own DumpLogSegments reads it. */
  async dumpLog(topic: string, partition: number): Promise<DumpedBatch[]> {
    const [{ data }] = this.#nodes as [Node]
    const file = join(data, `${topic}-${partition}`, '00000000000000000000.log')
    const text = await this.java('kafka.tools.DumpLogSegments', '--files', file)
    const batches = text.split('\n').filter(line => line.startsWith('baseOffset:'))
    return batches.map(line => {
      const field = (name: string): string => new RegExp(`\\b${name}: (\\S+)`).exec(line)?.[1] ?? ''
      return {
        baseOffset: Number(field('baseOffset')),
        lastOffset: Number(field('lastOffset')),
        count: Number(field('count')),
        baseSequence: Number(field('baseSequence')),
        lastSequence: Number(field('lastSequence')),
        producerId: Number(field('producerId')),
        producerEpoch: Number(field('producerEpoch')),
        compresscodec: field('compresscodec'),
        isvalid: field('isvalid') === 'true',
      }
    })
  }

  /** The bytes of a partition's first segment. */
  segment(topic: string, partition: number): Buffer {
    const [{ data }] = this.#nodes as [Node]
    return readFileSync(join(data, `${topic}-${partition}`, '00000000000000000000.log'))
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#nodes.map(async ({ process: child }) => {
        if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
        const exited = once(child, 'exit')
        child.kill('SIGTERM')
        const limit = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
        await exited
        clearTimeout(limit)
      }),
    )
    rmSync(this.#folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #node(id: number): Node {
    const node = this.#nodes.find(one => one.id === id)
    if (node === undefined) throw new RangeError(`there is no node ${id}`)
    return node
  }

  #killAll(): void {
    for (const { process: child } of this.#nodes) child?.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Resolves when every broker is part of the cluster. */
  async #ready(): Promise<void> {
    const limit = Date.now() + READY_LIMIT_MS
    const admin = this.kafkajs().admin()
    for (;;) {
      try {
        await admin.connect()
        const { brokers } = await admin.describeCluster()
        await admin.disconnect()
        if (brokers.length === this.#nodes.length) return
      } catch (error) {
        if (Date.now() > limit)
          throw new Error(`no cluster after ${READY_LIMIT_MS} ms:\n${this.#logs()}`, { cause: error })
      }
      const dead = this.#nodes.find(({ process: child }) => child?.exitCode !== null)
      if (dead !== undefined) throw new Error(`broker ${dead.id} ended:\n${this.#logs()}`)
    }
  }

  #logs(): string {
    return this.#nodes
      .map(({ id }) => readFileSync(join(this.#folder, `node-${id}.log`), 'utf8').slice(-3000))
      .join('\n')
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const ports = servers.map(server => (server.address() as { port: number }).port)
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports
}
