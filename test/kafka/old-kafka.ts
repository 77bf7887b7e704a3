import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import kafkajs from 'kafkajs'
import { type DumpedBatch, parseDump } from './dump-log.js'
import { freePorts } from './free-ports.js'
import { jarsOf, OLD_VERSION } from './jars.js'

const run = promisify(execFile)
const READY_LIMIT_MS = 60_000
const POLL_MS = 200
const JVM = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m']
/** How long ZooKeeper keeps a broker that was killed, in ms: before that, a new process finds its id taken. */
const SESSION_MS = 2_000

/** One broker of Apache Kafka before 3.0 and its ZooKeeper, in a temporary folder that goes when they are stopped. */
export class OldKafka implements AsyncDisposable {
  readonly brokers: readonly string[]
  readonly #version: string
  readonly #folder: string
  readonly #processes: ChildProcess[] = []
  #broker!: ChildProcess

  private constructor(version: string, port: number) {
    this.#version = version
    this.brokers = [`127.0.0.1:${port}`]
    this.#folder = mkdtempSync(join(tmpdir(), 'rx-kafka-'))
  }

  static async start(version: string = OLD_VERSION): Promise<OldKafka> {
    const [port, zookeeperPort] = (await freePorts(2)) as [number, number]
    const kafka = new OldKafka(version, port)
    // Whatever ends the tests ends the processes.
    process.once('exit', () => kafka.#killAll())
    try {
      const options = ['-Dzookeeper.jmx.log4j.disable=true', '-Dzookeeper.sasl.client=false']
      kafka.#spawn(
        'zookeeper',
        [...options, ...kafka.#classPath, 'org.apache.zookeeper.server.quorum.QuorumPeerMain'],
        {
          dataDir: join(kafka.#folder, 'zookeeper'),
          clientPort: zookeeperPort,
          clientPortAddress: '127.0.0.1',
          'admin.enableServer': false,
          maxClientCnxns: 0,
          tickTime: 500,
        },
      )
      kafka.#broker = kafka.#spawn('kafka', kafka.#program, {
        'broker.id': 1,
        'zookeeper.connect': `127.0.0.1:${zookeeperPort}`,
        'zookeeper.session.timeout.ms': SESSION_MS,
        listeners: `PLAINTEXT://${kafka.brokers[0]}`,
        'log.dirs': join(kafka.#folder, 'data'),
        'offsets.topic.replication.factor': 1,
      })
      await kafka.#ready()
    } catch (error) {
      await kafka[Symbol.asyncDispose]()
      throw error
    }
    return kafka
  }

  /** Kills the broker, and starts it again on the same port when ZooKeeper has forgotten the old process. */
  async crash(): Promise<void> {
    const exited = once(this.#broker, 'exit')
    this.#broker.kill('SIGKILL')
    await exited
    await sleep(SESSION_MS + 1_000)
    this.#broker = this.#run('kafka', this.#program)
    await this.#ready()
  }

  async createTopic(topic: string, configs: Readonly<Record<string, string>> = {}, numPartitions = 1): Promise<void> {
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
    const one = { topic, numPartitions, replicationFactor: 1, configEntries }
    await this.#admin(admin => admin.createTopics({ waitForLeaders: true, topics: [one] }))
  }

  /** What partition 0 of a topic holds, as Kafka's own DumpLogSegments reads it. */
  async dumpLog(topic: string): Promise<DumpedBatch[]> {
    const file = join(this.#folder, 'data', `${topic}-0`, '00000000000000000000.log')
    const args = [...JVM, ...this.#classPath, 'kafka.tools.DumpLogSegments', '--files', file]
    const { stdout } = await run('java', args, { maxBuffer: 2 ** 30 })
    return parseDump(stdout).get(0) ?? []
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.#processes.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
    const exited = running.map(child => once(child, 'exit'))
    this.#killAll()
    await Promise.all(exited)
    rmSync(this.#folder, { recursive: true, force: true })
  }

  get #classPath(): string[] {
    return ['-cp', join(jarsOf(this.#version), '*')]
  }

  get #program(): string[] {
    return ['-Dzookeeper.sasl.client=false', ...this.#classPath, 'kafka.Kafka']
  }

  #spawn(
    name: string,
    args: readonly string[],
    properties: Readonly<Record<string, string | number | boolean>>,
  ): ChildProcess {
    const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`)
    writeFileSync(this.#properties(name), lines.join(''))
    return this.#run(name, args)
  }

  #run(name: string, args: readonly string[]): ChildProcess {
    const log = openSync(this.#log(name), 'a')
    const child = spawn('java', [...JVM, ...args, this.#properties(name)], { stdio: ['ignore', log, log] })
    this.#processes.push(child)
    return child
  }

  #properties(name: string): string {
    return join(this.#folder, `${name}.properties`)
  }

  #log(name: string): string {
    return join(this.#folder, `${name}.log`)
  }

  async #ready(): Promise<void> {
    const limit = Date.now() + READY_LIMIT_MS
    let cause: unknown
    while (Date.now() < limit) {
      try {
        const { brokers } = await this.#admin(admin => admin.describeCluster())
        if (brokers.length === 1) return
      } catch (error) {
        cause = error
      }
      await sleep(POLL_MS)
    }
    const logs = ['zookeeper', 'kafka'].map(name => readFileSync(this.#log(name), 'utf8').slice(-3000))
    throw new Error(`Kafka ${this.#version} was not ready within ${READY_LIMIT_MS} ms:\n${logs.join('\n')}`, { cause })
  }

  async #admin<T>(work: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
    const { NOTHING } = kafkajs.logLevel
    const admin = new kafkajs.Kafka({ brokers: [...this.brokers], logLevel: NOTHING, retry: { retries: 0 } }).admin()
    try {
      await admin.connect()
      return await work(admin)
    } finally {
      await admin.disconnect()
    }
  }

  #killAll(): void {
    for (const child of this.#processes) child.kill('SIGKILL')
  }
}
