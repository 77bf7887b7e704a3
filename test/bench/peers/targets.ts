/** What the producer is held to, as far as these figures decide it. */
import { best, cpuMicros, type Figure, find, type PeerResult, rate, ratio, type ScenarioResult } from './results.js'

export interface Line {
  readonly what: string
  readonly target: string
  readonly figure: string
  readonly verdict: 'met' | 'MISSED' | 'not measured'
}

type Bound = 'at least' | 'at most'

export function toLine(what: string, bound: Bound, target: number, value: number | undefined): Line {
  const met = value !== undefined && (bound === 'at least' ? value >= target : value <= target)
  return {
    what,
    target: `${bound} ${target}`,
    figure: value === undefined ? '' : value.toFixed(2),
    verdict: value === undefined ? 'not measured' : met ? 'met' : 'MISSED',
  }
}

/** The lines of one scenario. */
class Lines {
  readonly lines: Line[] = []
  readonly #results: readonly ScenarioResult[]
  #result: ScenarioResult | undefined
  #title = ''

  constructor(results: readonly ScenarioResult[]) {
    this.#results = results
  }

  in(scenario: string, title = scenario): this {
    this.#result = this.#results.find(({ scenario: { id } }) => id === scenario)
    this.#title = title
    return this
  }

  /** One producer's records a second to another's. */
  rate(mine: string, other: string | PeerResult | undefined, target: number): this {
    return this.#add('records/s', rate, mine, other, 'at least', target)
  }

  /** The same of CPU time a record. */
  cpu(mine: string, other: string, target: number): this {
    return this.#add('CPU a record', cpuMicros, mine, other, 'at most', target)
  }

  /** The producer of this kind that writes the most. */
  best(kind: string): PeerResult | undefined {
    return best(this.#result, kind)
  }

  #add(
    what: string,
    figure: Figure,
    mine: string,
    other: string | PeerResult | undefined,
    bound: Bound,
    target: number,
  ): this {
    const [a, b] = [find(this.#result, mine), typeof other === 'string' ? find(this.#result, other) : other]
    const names = `${a?.name ?? mine} to ${b?.name ?? other ?? 'the best in JavaScript'}`
    this.lines.push(toLine(`${what}, ${this.#title}: ${names}`, bound, target, ratio(figure, a, b)))
    return this
  }
}

/** Of `bench:peers`. */
export function targetLines(results: readonly ScenarioResult[]): Line[] {
  const lines = new Lines(results)
  lines.in('100B', '100 B').rate('batches', 'floor', 0.5).rate('send', 'floor', 0.3)
  lines
    .cpu('batches', 'franz-go', 0.6)
    .cpu('send', 'franz-go', 0.7)
    .cpu('batches', 'java', 0.35)
    .cpu('send', 'java', 0.35)
  lines.rate('batches', lines.best('JavaScript'), 6).rate('send', lines.best('JavaScript'), 5)
  lines.rate('batches', 'rdkafka', 8).rate('send', 'rdkafka-every', 8)
  lines.rate('send-one', 'send', 0.5)

  lines.in('1KB', '1 KB').rate('batches', 'floor', 0.5).rate('send', 'floor', 0.3)
  lines.rate('batches', 'franz-go', 1)
  lines.rate('batches', lines.best('JavaScript'), 4).rate('send', lines.best('JavaScript'), 4)
  lines.rate('batches', 'rdkafka', 4).rate('send', 'rdkafka-every', 4)

  for (const batches of ['16KiB', '128KiB']) {
    lines.in(`100B-10ms-${batches}`, `10 ms, ${batches}`)
    const peer = lines.best('JavaScript')
    lines.rate('batches', peer, 4).rate('send', peer, 4).rate('window-5', peer, 4)
    // franz-go has five requests on the wire.
    lines.rate('batches', 'franz-go', 0.8).rate('window-5', 'franz-go', 1)
  }
  lines.in('tls', '1 KB, TLS 1.3').rate('batches', lines.best('JavaScript'), 3)
  lines.in('window', '10 ms').rate('window-4', 'window-1', 3.5)
  return lines.lines
}

/** Of `bench:codecs`. */
export function codecLines(results: readonly ScenarioResult[]): Line[] {
  const lines = new Lines(results)
  for (const codec of ['lz4', 'gzip', 'zstd']) lines.in(codec).rate('batches', lines.best('JavaScript'), 3)
  return lines.lines
}

/** Of `bench:kafka`. */
export function kafkaLines(results: readonly ScenarioResult[]): Line[] {
  const lines = new Lines(results)
  for (const size of ['100B', '1KB']) lines.in(`1-${size}`, `one broker, ${size}`).rate('batches', 'java', 2)
  for (const codec of ['snappy', 'lz4', 'gzip', 'zstd'])
    lines.in(`1-${codec}`, `one broker, ${codec}`).rate('batches', 'java', 1.5)
  lines.in('3-100B', 'three brokers, 100 B').rate('batches', 'java', 1.5).cpu('batches', 'java', 0.3)
  lines.in('3-1KB', 'three brokers, 1 KB').rate('batches', 'java', 1.1).cpu('batches', 'java', 0.5)
  return lines.lines
}

/** Of `bench:before`: this commit is not slower, but for noise. */
export function beforeLines(results: readonly ScenarioResult[]): Line[] {
  const lines = new Lines(results)
  for (const size of ['100B', '1KB'])
    for (const by of ['sendBatches', 'send']) lines.in(size).rate(by, `${by}-before`, 0.97)
  return lines.lines
}
