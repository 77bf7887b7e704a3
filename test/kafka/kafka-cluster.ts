import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import kafkajs from 'kafkajs'
import { type DumpedBatch, parseDump } from './dump-log.js'
import { freePorts } from './free-ports.js'
import { dumpToolOf, jarsOf } from './jars.js'
import { TcpProxy } from './proxy.js'

const run = promisify(execFile)
const READY_LIMIT_MS = 180_000
const POLL_MS = 200
/** What takes the least processor time on a machine of few cores: these processes live for seconds. */
const JVM = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto']

export type SecureListener = 'SASL_PLAINTEXT' | 'SSL' | 'SASL_SSL'

export interface KafkaClusterOptions {
  readonly version?: string
  readonly nodes?: number
  /** Puts a proxy in every client's path. Brokers among themselves, readers and tools go past it. */
  readonly proxies?: boolean
  /** Listeners beside the plain one, without proxies; see {@link KafkaCluster.brokersAt}. */
  readonly listeners?: readonly SecureListener[]
  /** SCRAM users, as StorageTool takes them: `SCRAM-SHA-256=[name=alice,password=secret]`. */
  readonly scram?: readonly string[]
  /** Levels of features other than the version's own, as StorageTool takes them: `transaction.version=1`. */
  readonly features?: readonly string[]
  /** More options of the brokers' Java processes. */
  readonly jvm?: readonly string[]
  /** More broker properties. */
  readonly properties?: Readonly<Record<string, string | number>>
}

interface Node {
  readonly id: number
  /** Where it listens to clients. */
  readonly port: number
  /** Where it listens to other brokers, readers and tools. */
  readonly internalPort: number
  readonly secure: ReadonlyMap<SecureListener, number>
  readonly settings: Record<string, string | number>
  readonly file: string
  readonly data: string
  proxy: TcpProxy | undefined
  /** Undefined: it is down, as it should be. */
  process: ChildProcess | undefined
  /** Whether it was stopped by SIGSTOP. */
  hangs: boolean
}

/** Apache Kafka in processes of its own, in KRaft mode, in a temporary folder that goes when it is stopped. */
export class KafkaCluster implements AsyncDisposable {
  readonly #folder: string
  readonly #version: string
  readonly #jvm: readonly string[]
  readonly #nodes: Node[]

  /** Use {@link KafkaCluster.start}. */
  private constructor(folder: string, version: string, jvm: readonly string[], nodes: Node[]) {
    this.#folder = folder
    this.#version = version
    this.#jvm = jvm
    this.#nodes = nodes
  }

  static async start(options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
    const { version = '4.1.2', nodes = 1, proxies = false, listeners = [], properties = {} } = options
    const { scram = [], features = [], jvm = [] } = options
    const folder = mkdtempSync(join(tmpdir(), 'rx-kafka-'))
    const ports = await freePorts(nodes * (3 + listeners.length))
    const voters = ports.slice(0, nodes).map((port, i) => `${i + 1}@127.0.0.1:${port}`)
    const replicas = Math.min(nodes, 3)
    const all = Array.from({ length: nodes }, (_, i): Node => {
      const [id, controllerPort, port, internalPort] = [i + 1, ports[i]!, ports[nodes + i]!, ports[nodes * 2 + i]!]
      const secure = new Map(listeners.map((name, j) => [name, ports[nodes * (3 + j) + i]!]))
      const data = join(folder, `data-${id}`)
      const settings = {
        'process.roles': 'broker,controller',
        'node.id': id,
        'controller.quorum.voters': voters.join(),
        listeners: [
          `PLAINTEXT://127.0.0.1:${port}`,
          `INTERNAL://127.0.0.1:${internalPort}`,
          `CONTROLLER://127.0.0.1:${controllerPort}`,
          ...addressesOf(secure),
        ].join(),
        'inter.broker.listener.name': 'INTERNAL',
        'controller.listener.names': 'CONTROLLER',
        'listener.security.protocol.map': [
          'CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,PLAINTEXT:PLAINTEXT',
          ...listeners.map(name => `${name}:${name}`),
        ].join(),
        'log.dirs': data,
        'num.partitions': 3,
        'offsets.topic.replication.factor': replicas,
        'transaction.state.log.replication.factor': replicas,
        'transaction.state.log.min.isr': Math.min(replicas, 2),
        'default.replication.factor': replicas,
        'min.insync.replicas': Math.min(replicas, 2),
        'group.initial.rebalance.delay.ms': 0,
        'broker.session.timeout.ms': 6000,
        'broker.heartbeat.interval.ms': 1500,
        ...properties,
      }
      mkdirSync(data)
      const file = join(folder, `node-${id}.properties`)
      return {
        id,
        port,
        internalPort,
        secure,
        settings,
        file,
        data,
        proxy: undefined,
        process: undefined,
        hangs: false,
      }
    })
    const cluster = new KafkaCluster(folder, version, jvm, all)
    // Whatever ends the tests ends the brokers.
    process.once('exit', () => cluster.#killAll())
    process.once('SIGTERM', () => process.exit(1))
    try {
      for (const node of all) {
        if (proxies) node.proxy = await TcpProxy.start(node.port)
        writeProperties(node)
      }
      const more = [
        ...scram.flatMap(user => ['--add-scram', user]),
        ...features.flatMap(feature => ['--feature', feature]),
      ]
      const id = randomBytes(16)
      // As Kafka's own ids, it must not begin with a dash: the tool would take it for an option.
      id[0]! &= 0x7f
      const uuid = id.toString('base64url')
      await Promise.all(
        all.map(node => cluster.java('kafka.tools.StorageTool', 'format', '-t', uuid, '-c', node.file, ...more)),
      )
      for (const node of all) cluster.startNode(node.id)
      await cluster.healthy()
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  /** Where clients of a secure listener begin. */
  brokersAt(listener: SecureListener): string[] {
    return this.#nodes.map(({ secure }) => `127.0.0.1:${secure.get(listener)}`)
  }

  /** What a producer is given: proxies, if there are any. */
  get brokers(): string[] {
    return this.#nodes.map(node => `127.0.0.1:${node.proxy?.port ?? node.port}`)
  }

  /** The brokers themselves, those that run: for readers and tools. */
  get internal(): string[] {
    return this.#nodes.filter(isRunning).map(node => `127.0.0.1:${node.internalPort}`)
  }

  get nodeIds(): number[] {
    return this.#nodes.map(node => node.id)
  }

  /** Process ids of the brokers that run. */
  get pids(): number[] {
    return this.#nodes.flatMap(node => node.process?.pid ?? [])
  }

  /** Where a broker listens to clients, past its proxy. */
  portOf(id: number): number {
    return this.#node(id).port
  }

  proxy(id: number): TcpProxy {
    const { proxy } = this.#node(id)
    if (proxy === undefined) throw new Error(`node ${id} has no proxy`)
    return proxy
  }

  /** Gives a broker that is down a new proxy, on a port of its own: to clients it will be another one. */
  async replaceProxy(id: number): Promise<void> {
    const node = this.#node(id)
    await node.proxy?.[Symbol.asyncDispose]()
    node.proxy = await TcpProxy.start(node.port)
    writeProperties(node)
  }

  /** Runs one of Kafka's tools; gives what it prints. */
  async java(main: string, ...args: string[]): Promise<string> {
    const { stdout } = await run('java', [...JVM, '-Xmx256m', '-cp', this.classPath, main, ...args], {
      maxBuffer: 2 ** 30,
    })
    return stdout
  }

  /** The class path, for programs of a test's own. */
  get classPath(): string {
    return join(jarsOf(this.#version), '*')
  }

  startNode(id: number): void {
    const node = this.#node(id)
    const log = createWriteStream(join(this.#folder, `node-${id}.log`), { flags: 'a' })
    const main = ['-cp', this.classPath, 'kafka.Kafka', node.file]
    node.process = spawn('java', [...JVM, '-Xmx512m', ...this.#jvm, ...main])
    node.process.stdout?.pipe(log, { end: false })
    node.process.stderr?.pipe(log, { end: false })
  }

  /** SIGTERM stops a broker and SIGKILL is a crash: resolves when it has ended. SIGSTOP and SIGCONT are a hang. */
  async kill(id: number, signal: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const node = this.#node(id)
    if (node.process === undefined) return
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') {
      node.hangs = signal === 'SIGSTOP'
      node.process.kill(signal)
      return
    }
    const child = node.process
    node.process = undefined
    node.hangs = false
    if (hasEnded(child)) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  /** Every broker that does not run runs again, every proxy lets everything through; resolves when the cluster is {@link healthy}. */
  async heal(): Promise<void> {
    for (const node of this.#nodes) {
      await node.proxy?.heal()
      if (node.hangs) await this.kill(node.id, 'SIGCONT')
      if (node.process === undefined) this.startNode(node.id)
    }
    await this.healthy()
  }

  /** Resolves when the cluster takes these brokers, and no others, for alive. */
  async alive(...ids: readonly number[]): Promise<void> {
    await this.#until(`brokers ${ids.join()} alive`, async admin => {
      const { brokers } = await admin.describeCluster()
      return brokers.length === ids.length && brokers.every(({ nodeId }) => ids.includes(nodeId))
    })
  }

  /** Resolves when every broker is alive and every replica in sync. */
  async healthy(): Promise<void> {
    await this.alive(...this.nodeIds)
    await this.#until('every replica in sync', async admin => {
      const { topics } = await admin.fetchTopicMetadata()
      const partitions = topics.flatMap(topic => topic.partitions)
      return partitions.every(({ leader, isr, replicas }) => leader >= 0 && isr.length === replicas.length)
    })
  }

  async createTopic(
    topic: string,
    numPartitions: number,
    configs: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
    await this.admin(admin =>
      admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions, configEntries }] }),
    )
    // kafkajs's own `waitForLeaders` fails when the broker that it asks has not heard of the topic.
    await this.#until(`leaders of ${topic}`, async admin => {
      const { topics } = await admin.fetchTopicMetadata()
      const partitions = topics.find(({ name }) => name === topic)?.partitions ?? []
      return partitions.length === numPartitions && partitions.every(({ leader }) => leader >= 0)
    })
  }

  /** The node that leads a partition. */
  async leader(topic: string, partition: number): Promise<number> {
    const { topics } = await this.admin(admin => admin.fetchTopicMetadata({ topics: [topic] }))
    return topics[0]!.partitions.find(({ partitionId }) => partitionId === partition)!.leader
  }

  /** Has a partition led by another node, all of its replicas staying where they are. */
  async moveLeader(topic: string, partition: number, to: number): Promise<void> {
    const replicas = [to, ...this.nodeIds.filter(id => id !== to)]
    await this.admin(admin =>
      admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment: [{ partition, replicas }] }] }),
    )
    const what = ['--election-type', 'preferred', '--topic', topic, '--partition', String(partition)]
    const tool = 'org.apache.kafka.tools.LeaderElectionCommand'
    await this.java(tool, '--bootstrap-server', this.internal.join(), ...what)
  }

  kafkajs(): kafkajs.Kafka {
    return new kafkajs.Kafka({
      brokers: this.internal,
      logLevel: kafkajs.logLevel.NOTHING,
      // A broker that has just been stopped is not waited for.
      requestTimeout: 5000,
      retry: { retries: 20, maxRetryTime: 1000 },
    })
  }

  async admin<T>(work: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
    const admin = this.kafkajs().admin()
    try {
      await admin.connect()
      return await work(admin)
    } finally {
      await admin.disconnect()
    }
  }

  /** What a partition's leader holds, as Kafka's own DumpLogSegments reads it. */
  async dumpLog(topic: string, partition: number, ...options: string[]): Promise<DumpedBatch[]> {
    return (await this.dumpLogs(topic, ...options)).get(partition) ?? []
  }

  /** The same of every partition. */
  async dumpLogs(topic: string, ...options: string[]): Promise<Map<number, DumpedBatch[]>> {
    const { topics } = await this.admin(admin => admin.fetchTopicMetadata({ topics: [topic] }))
    const files = topics[0]!.partitions.flatMap(({ partitionId, leader }) => {
      const folder = join(this.#node(leader).data, `${topic}-${partitionId}`)
      return readdirSync(folder)
        .filter(name => name.endsWith('.log'))
        .sort()
        .map(name => join(folder, name))
    })
    return parseDump(await this.java(dumpToolOf(this.#version), '--files', files.join(), ...options))
  }

  /** The bytes of a partition's first segment. */
  segment(topic: string, partition: number): Buffer {
    const [{ data }] = this.#nodes as [Node]
    return readFileSync(join(data, `${topic}-${partition}`, '00000000000000000000.log'))
  }

  async stop(): Promise<void> {
    // What they would still write goes with the folder.
    await Promise.all(this.nodeIds.map(id => this.kill(id, 'SIGKILL')))
    for (const { proxy } of this.#nodes) await proxy?.[Symbol.asyncDispose]()
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

  /** Asks a broker until it says so. */
  async #until(what: string, holds: (admin: kafkajs.Admin) => Promise<boolean>): Promise<void> {
    const limit = Date.now() + READY_LIMIT_MS
    let cause: unknown
    while (Date.now() < limit) {
      try {
        if (await this.admin(holds)) return
      } catch (error) {
        cause = error
      }
      const dead = this.#nodes.find(({ process: child }) => child !== undefined && hasEnded(child))
      if (dead !== undefined) throw new Error(`broker ${dead.id} ended:\n${this.#logs()}`)
      await sleep(POLL_MS)
    }
    throw new Error(`not within ${READY_LIMIT_MS} ms: ${what}\n${this.#logs()}`, { cause })
  }

  #logs(): string {
    return this.#nodes
      .map(({ id }) => readFileSync(join(this.#folder, `node-${id}.log`), 'utf8').slice(-3000))
      .join('\n')
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

function isRunning(node: Node): boolean {
  return node.process !== undefined && !node.hangs
}

function addressesOf(secure: Node['secure']): string[] {
  return [...secure].map(([name, port]) => `${name}://127.0.0.1:${port}`)
}

function writeProperties({ port, internalPort, secure, proxy, settings, file }: Node): void {
  const plain = [`PLAINTEXT://127.0.0.1:${proxy?.port ?? port}`, `INTERNAL://127.0.0.1:${internalPort}`]
  const all = { 'advertised.listeners': [...plain, ...addressesOf(secure)].join(), ...settings }
  writeFileSync(
    file,
    Object.entries(all)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
}
