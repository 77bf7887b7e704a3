/** What the producer is held to, as far as these figures decide it. */
import { best, cpuMicros, type Figure, find, type PeerResult, rate, ratio, type ScenarioResult } from './results.js'

export interface Line {
  readonly what: string
  readonly target: string
  readonly figure: string
  readonly verdict: 'met' | 'MISSED' | 'not measured'
}

export function targetLines(results: readonly ScenarioResult[]): Line[] {
  const of = (id: string): ScenarioResult | undefined => results.find(({ scenario }) => scenario.id === id)
  const small = of('100B')
  const lines: Line[] = []
  /** `a` against `b`, at least or at most so many times. */
  const line = (
    what: string,
    bound: 'at least' | 'at most',
    target: number,
    figure: Figure,
    a: PeerResult | undefined,
    b: PeerResult | undefined,
  ): void => {
    const value = ratio(figure, a, b)
    const met = value !== undefined && (bound === 'at least' ? value >= target : value <= target)
    lines.push({
      what: b === undefined ? what : `${what} (${b.name})`,
      target: `${bound} ${target}`,
      figure: value === undefined ? '' : value.toFixed(2),
      verdict: value === undefined ? 'not measured' : met ? 'met' : 'MISSED',
    })
  }

  for (const [size, result] of [
    ['100 B', small],
    ['1 KB', of('1KB')],
  ] as const) {
    const floor = find(result, 'floor')
    line(`records/s, ${size}: sendBatches() to the floor`, 'at least', 0.5, rate, find(result, 'batches'), floor)
    line(`records/s, ${size}: send() to the floor`, 'at least', 0.3, rate, find(result, 'send'), floor)
  }

  const go = find(small, 'franz-go')
  const java = find(small, 'java')
  line('CPU per 100 B record: send() to franz-go', 'at most', 1, cpuMicros, find(small, 'send'), go)
  line('CPU per 100 B record: sendBatches() to franz-go', 'at most', 0.7, cpuMicros, find(small, 'batches'), go)
  line('CPU per 100 B record: send() to Java', 'at most', 0.35, cpuMicros, find(small, 'send'), java)
  line('CPU per 100 B record: sendBatches() to Java', 'at most', 0.35, cpuMicros, find(small, 'batches'), java)

  for (const [size, result, toJavaScript, toLibrdkafka] of [
    ['100 B', small, 5, 8],
    ['1 KB', of('1KB'), 4, 4],
  ] as const) {
    const peer = best(result, 'JavaScript')
    line(
      `records/s, ${size}: sendBatches() to the best in JavaScript`,
      'at least',
      toJavaScript,
      rate,
      find(result, 'batches'),
      peer,
    )
    line(
      `records/s, ${size}: send() to the best in JavaScript`,
      'at least',
      toJavaScript,
      rate,
      find(result, 'send'),
      peer,
    )
    const [failures, every] = [find(result, 'rdkafka'), find(result, 'rdkafka-every')]
    line(
      `records/s, ${size}: sendBatches() to librdkafka`,
      'at least',
      toLibrdkafka,
      rate,
      find(result, 'batches'),
      failures,
    )
    line(`records/s, ${size}: send() to librdkafka`, 'at least', toLibrdkafka, rate, find(result, 'send'), every)
  }

  for (const id of ['100B-10ms-16KiB', '100B-10ms-128KiB']) {
    const peer = best(of(id), 'JavaScript')
    for (const [what, mine] of [
      ['sendBatches()', 'batches'],
      ['send()', 'send'],
      ['sendBatches() with maxInFlight 5', 'window-5'],
    ] as const) {
      line(`records/s, ${id}: ${what} to the best in JavaScript`, 'at least', 4, rate, find(of(id), mine), peer)
    }
  }

  const windows = of('window')
  line(
    'records/s at 10 ms: window 4 to window 1',
    'at least',
    3.5,
    rate,
    find(windows, 'window-4'),
    find(windows, 'window-1'),
  )
  return lines
}
