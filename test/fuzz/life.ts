import { Subject } from 'rxjs'
import { type Ack, type Address, InvalidRecordError, type ProducerRecord, type Transport } from '../../src/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { InjectedFault } from '../../src/testing/index.js'
import { Random } from '../support/random.js'
import { startWorld, type World } from '../support/world.js'
import { Liars } from './liars.js'
import { busiest, wrongWith } from './life-judge.js'
import { type Plan, planOf } from './plan.js'
import { Tap } from './tap.js'

/** What came of a life. */
export interface Life {
  /** Everything that is wrong, and that no lie excuses. */
  readonly findings: readonly string[]
  readonly lies: Liars['told']
  readonly records: number
  /** Requests and connections in the fullest second of virtual time. */
  readonly busiest: number
}

/** How long, in ms, records may take once brokers tell the truth. */
const HEALED_WITHIN_MS = 10_000

/**
 * A producer's life in virtual time among honest brokers whose answers lie, until they do not any more.
 *
 * Whatever the answers say, every record ends once, within `deliveryTimeoutMs`. `connect()`, `flush()` and `close()` settle and leave
 * nothing behind. Every retry backs off. Only an answer about the client itself may end the producer. An acked record is in the log
 * once, in order, at its offset, and a record reported as not stored is not, unless the answer to that produce request was false.
 * Once the lies stop, new records are written.
 *
 * @param muted answers that are not lied about, by number.
 */
export async function liveAmongLiars(seed: number, muted: ReadonlySet<number> = new Set()): Promise<Life> {
  const random = new Random(seed)
  const liars = new Liars(seed, muted)
  const plan = planOf(random)
  const calls: number[] = []
  const tap = new Tap((reply, request) => liars.tamper(reply, request))
  const world = await startWorld({ ...plan, producer: { transport: tap, ...plan.producer } })
  tap.inner = watched(world, calls)
  const course = new Course(world, liars, plan)
  try {
    await course.amongLies(random)
    // Some end while they are lied to, with records in every state.
    if (random.chance(0.8)) await course.amongTruth()
    await course.end()
  } catch (error) {
    course.found.push(`it does not come to its end: ${error instanceof Error ? error.message : error}`)
  }
  const { found, ends, over, records } = course
  const { cluster, events } = world
  const wrong = wrongWith({ cluster, liars, events, records: records.length, ends, over, calls })
  return { findings: [...found, ...wrong], lies: liars.told, records: records.length, busiest: busiest(calls) }
}

/** Takes down when something is sent, or a connection made; throws for what `net.connect` throws for. */
function watched({ network, time }: World, calls: number[]): Transport {
  return {
    connect: (address, listener) => {
      const { host, port } = address
      if (port < 0 || port > 65_535 || host.includes('\0')) throw new RangeError(`nobody can connect to ${port}`)
      calls.push(time.now())
      const socket = network.connect(address, listener)
      return {
        write: chunks => {
          calls.push(time.now())
          socket.write(chunks)
        },
        destroy: () => socket.destroy(),
      }
    },
  }
}

/** What the brokers' own failures are answered with. */
const HONEST_CODES = [
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.INVALID_PRODUCER_EPOCH,
]

/** Sends records, which are numbered in that order, and takes down what becomes of them. */
class Course {
  readonly found: string[] = []
  readonly records: { readonly record: ProducerRecord<number>; readonly at: number }[] = []
  readonly ends: Map<number, Ack<number>> = new Map()
  over: Error | 'completed' | undefined
  readonly #world: World
  readonly #liars: Liars
  readonly #plan: Plan
  readonly #push = new Subject<ProducerRecord<number>>()
  readonly #faults: InjectedFault[] = []
  #connecting = false

  constructor(world: World, liars: Liars, plan: Plan) {
    this.#world = world
    this.#liars = liars
    this.#plan = plan
    this.#push.pipe(world.producer.send<number>()).subscribe({
      next: ack => this.#ended(ack),
      error: error => {
        this.over = error
      },
      complete: () => {
        this.over = 'completed'
      },
    })
  }

  async amongLies(random: Random): Promise<void> {
    const { time } = this.#world
    if (random.chance(0.2)) this.#connect()
    for (let bursts = random.int(3, 12); bursts > 0 && this.over === undefined; bursts--) {
      for (let count = random.int(1, 12); count > 0; count--) this.#sendAny(random)
      if (random.chance(0.3)) this.#fail(random)
      await time.advance(random.pick([0, 5, 100, 1_000, 4_000]))
    }
    if (random.chance(0.3)) await time.advance(30_000)
  }

  async amongTruth(): Promise<void> {
    const { time, cluster } = this.#world
    await this.#settled()
    this.#liars.active = false
    for (const fault of this.#faults) fault.remove()
    const first = this.records.length
    for (const [topic, partitions] of cluster.topics) {
      for (let partition = 0; partition < partitions; partition++) this.#send({ topic, partition })
    }
    const healed = time.now() + HEALED_WITHIN_MS
    while (time.now() < healed && this.over === undefined && this.ends.size < this.records.length) {
      await time.advance(100)
    }
    // A false throttle time pauses a broker for as long as it says, and a false first cluster id rules out the real cluster.
    const { throttled, misidentified } = this.#liars
    if (this.over === undefined && !throttled && !misidentified) this.#checkHealed(first)
    await this.#settled()
  }

  async end(): Promise<void> {
    const { time, producer } = this.#world
    const began = time.now()
    this.#push.complete()
    await time.until(producer.flush(), this.#plan.deliveryTimeoutMs)
    await this.#world.end()
    const took = time.now() - began
    if (took > this.#plan.deliveryTimeoutMs) this.found.push(`flush() and close() end after ${took} ms`)
    if (this.#connecting) this.found.push('connect() has no end')
  }

  #checkHealed(first: number): void {
    for (let number = first; number < this.records.length; number++) {
      const end = this.ends.get(number)
      const { topic, partition } = this.records[number]!.record
      if (end?.kind === 'acked') continue
      // The id of a topic is not believed for a while once another one was told.
      if (this.#liars.madeAnew.has(topic)) continue
      // How many partitions there are is believed until metadata is asked for again; and who was made to believe that something
      // is stored which is not learns of it by the next record, which may go with it.
      const misled = this.#liars.misled.has(`${topic}-${partition}`)
      if (end !== undefined && (misled || end.error instanceof InvalidRecordError)) continue
      const how = end === undefined ? 'is not written' : `fails: ${end.error.message}`
      this.found.push(`nothing was lied about any more, and a record of ${topic}-${partition} ${how}`)
    }
  }

  #connect(): void {
    const done = (): void => {
      this.#connecting = false
    }
    this.#connecting = true
    this.#world.producer.connect().then(done, done)
  }

  /** Something goes wrong that brokers are honest about. */
  #fail(random: Random): void {
    const { cluster, network } = this.#world
    switch (random.int(0, 3)) {
      case 0:
        network.cut(addressOf(random.pick(cluster.brokers)))
        break
      case 1:
        cluster.moveLeader('t', random.int(0, cluster.topics.get('t')! - 1), random.int(1, cluster.brokers.length))
        break
      case 2: {
        const kind = random.pick(['appendThenDrop', 'dropBeforeAppend'] as const)
        this.#faults.push(cluster.inject({ fault: { kind } }))
        break
      }
      default:
        this.#faults.push(cluster.inject({ fault: { kind: 'error', code: random.pick(HONEST_CODES) } }))
    }
  }

  #sendAny(random: Random): void {
    const topic = random.chance(0.8) ? 't' : 'u'
    const partition = random.int(0, this.#world.cluster.topics.get(topic)! - 1)
    this.#send({ topic, ...random.pick([{ partition }, { key: `k${random.int(0, 9)}` }, {}]) })
  }

  #send(fields: Omit<ProducerRecord<number>, 'value' | 'metadata'>): void {
    if (this.over !== undefined) return
    const number = this.records.length
    const record = { value: String(number), metadata: number, ...fields }
    this.records.push({ record, at: this.#world.time.now() })
    this.#push.next(record)
  }

  #ended(ack: Ack<number>): void {
    const number = ack.record.metadata!
    if (this.ends.has(number)) this.found.push(`record ${number} has two ends`)
    this.ends.set(number, ack)
    const took = this.#world.time.now() - this.records[number]!.at
    if (took > this.#plan.deliveryTimeoutMs) this.found.push(`record ${number} has its end after ${took} ms`)
  }

  async #settled(): Promise<void> {
    const all = (): boolean => this.over !== undefined || this.ends.size === this.records.length
    await this.#world.time.until(all, this.#plan.deliveryTimeoutMs)
  }
}

function addressOf(broker: string): Address {
  const [host = '', port] = broker.split(':')
  return { host, port: Number(port) }
}
