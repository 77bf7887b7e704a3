/**
 * `npm run bench:scaling`: what a record costs with more partitions, topics, brokers, or bytes. Cases take turns in one
 * process, over TCP to brokers in others; each is a ratio to the first of its group in the same round.
 *
 *     npm run bench:scaling -- --only 'topics.*1000$'   only cases whose group and name match
 *     npm run bench:scaling -- --rounds 9
 *     npm run bench:scaling -- --long 1e8          one long run instead, with what it takes of memory as it goes
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createProducer, type Producer } from '../../src/index.js'
import { type Broker, startBroker } from './broker.js'
import { feed } from './feed.js'
import { longRun } from './long-run.js'
import { median } from './measure.js'
import { type Line, toLine } from './peers/targets.js'
import { CASES, type Case } from './scaling-cases.js'

const WARM_UP = 2
/** In the project, where npm runs this: not beside the compiled file. */
const RESULTS = 'test/bench/results/scaling.json'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    long: { type: 'string' },
  },
})

/** A case, and what is measured of it, a value a round. */
class Subject {
  readonly case: Case
  readonly cpu: number[] = []
  readonly time: number[] = []
  readonly #producer: Producer
  readonly #broker: Broker
  #batches = 0
  #requests = 0
  #bytes = 0

  constructor(one: Case, broker: Broker) {
    this.case = one
    this.#broker = broker
    this.#producer = createProducer({ ...one.options, brokers: broker.addresses })
  }

  get bytesPerBatch(): number {
    return this.#bytes / this.#batches
  }

  get bytesPerRequest(): number {
    return this.#bytes / this.#requests
  }

  get megabytes(): number {
    return (1000 * this.#bytes) / (this.case.records * this.time.reduce((a, b) => a + b, 0))
  }

  async begin(): Promise<void> {
    const { idle = [] } = this.case
    await feed(this.#producer, 'sendBatches', idle.length, i => idle[i]!)
  }

  async run(counts: boolean): Promise<void> {
    const { records, record, limit } = this.case
    const before = await this.#broker.status()
    const cpu = process.cpuUsage()
    const start = performance.now()
    await feed(this.#producer, 'sendBatches', records, record, limit)
    const time = performance.now() - start
    const { user, system } = process.cpuUsage(cpu)
    const after = await this.#broker.status()
    // No benchmark of a producer that loses records.
    if (after.records - before.records !== records) throw new Error('the broker counted less than was acked')
    if (after.violations.length > 0) throw new Error(after.violations.join('\n'))
    if (!counts) return
    this.cpu.push(((user + system) * 1000) / records)
    this.time.push((time * 1e6) / records)
    this.#batches += after.batches - before.batches
    this.#requests += after.requests - before.requests
    this.#bytes += after.batchBytes - before.batchBytes
  }

  close(): Promise<void> {
    return this.#producer.close()
  }
}

async function compare(cases: readonly Case[], rounds: number): Promise<Line[]> {
  const brokers = new Map<string, Broker>()
  const subjects: Subject[] = []
  for (const one of cases) {
    const key = JSON.stringify(one.broker)
    const broker = brokers.get(key) ?? (await startBroker(one.broker))
    brokers.set(key, broker)
    subjects.push(new Subject(one, broker))
  }
  for (const subject of subjects) await subject.begin()
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const subject of subjects) await subject.run(round >= 0)
  }
  await Promise.all(subjects.map(subject => subject.close()))
  await Promise.all([...brokers.values()].map(broker => broker.stop()))
  return [...new Set(cases.map(one => one.group))].flatMap(group => {
    const members = subjects.filter(subject => subject.case.group === group)
    const [base, ...others] = members as [Subject, ...Subject[]]
    console.log(`\n${group}: medians of ${rounds} rounds`)
    console.table(members.map(member => row(member, base)))
    return others.flatMap(subject => {
      const { name, target } = subject.case
      if (target === undefined) return []
      return [
        toLine(`CPU a record, ${group}: ${name} to ${base.case.name}`, 'at most', target, cpuRatio(subject, base)),
      ]
    })
  })
}

function cpuRatio(subject: Subject, base: Subject): number {
  return median(subject.cpu.map((cpu, i) => cpu / base.cpu[i]!))
}

function row(subject: Subject, base: Subject): Record<string, unknown> {
  const { name, target } = subject.case
  const ratio = cpuRatio(subject, base)
  return {
    case: name,
    'CPU ns/record': Math.round(median(subject.cpu)),
    'records/s': Math.round(1e9 / median(subject.time)),
    'MB/s': Math.round(subject.megabytes),
    'bytes/batch': Math.round(subject.bytesPerBatch),
    'bytes/request': Math.round(subject.bytesPerRequest),
    'CPU ratio': Number(ratio.toFixed(2)),
    target: target === undefined || subject === base ? '' : `${target}: ${ratio <= target ? 'met' : 'MISSED'}`,
  }
}

if (values.long !== undefined) await longRun(Number(values.long))
else {
  const chosen = CASES.filter(({ group, name }) => new RegExp(values.only).test(`${group} ${name}`))
  if (chosen.length === 0) throw new Error(`no case matches ${values.only}`)
  const targets = await compare(chosen, Number(values.rounds))
  if (chosen.length === CASES.length) writeFileSync(RESULTS, `${JSON.stringify({ targets }, null, 2)}\n`)
}
