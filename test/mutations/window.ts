import type { Mutation } from './mutation.js'

const DATA_PATH = 'src/producer/data-path.ts'
const IN_FLIGHT = 'src/producer/in-flight.ts'
const PARTITION = 'src/producer/partition.ts'
const SENDER = 'src/producer/sender.ts'
const SEQUENCER = 'src/producer/sequencer.ts'
const CONNECTION = 'src/transport/connection.ts'

/** The ten rules of the window. */
export const WINDOW: readonly Mutation[] = [
  {
    rule: '1: one window per broker',
    name: 'all brokers share the permits of one',
    file: DATA_PATH,
    text: '    const { permits, wake$ } = window\n',
    instead: '    const { permits } = [...this.#windows.values()][0] ?? window\n    const { wake$ } = window\n',
    checks: ['schedules', 'scenarios'],
  },
  {
    rule: '2: drawn when a slot is free',
    name: 'one permit more than slots',
    file: 'src/producer/window.ts',
    text: 'new Permits(options.maxInFlight)',
    instead: 'new Permits(options.maxInFlight + 1)',
  },
  {
    rule: '2: drawn when a slot is free',
    name: 'a window of one more than maxInFlight',
    file: DATA_PATH,
    text: 'const { maxInFlight, requestTimeoutMs } = this.#options',
    instead: 'const { maxInFlight: most, requestTimeoutMs } = this.#options\n    const maxInFlight = most + 1',
  },
  {
    rule: '2: drawn when a slot is free',
    name: 'a request is drawn without a permit',
    file: IN_FLIGHT,
    text: '              permits.take()\n',
    instead: '',
  },
  {
    rule: '2: drawn when a slot is free',
    name: 'the permit comes back before mergeMap has counted the attempt as done',
    file: IN_FLIGHT,
    text: `          subscriber.complete()
          this.#free++
          this.#released.next()`,
    instead: `          this.#free++
          this.#released.next()
          subscriber.complete()`,
    checks: ['units'],
  },
  {
    rule: '3: writes at once, never errors',
    name: 'an attempt errors instead of emitting an outcome',
    file: SENDER,
    text: '    catchError(error => of(lost(attempt, error))),\n',
    instead: '',
  },
  {
    rule: '3: writes at once, never errors',
    name: 'the socket is written to a microtask later',
    file: CONNECTION,
    text: 'this.#socket?.write(encodeRequestFrame(api, spoken, correlationId, this.#options.clientId, request))',
    instead:
      'queueMicrotask(() => this.#socket?.write(encodeRequestFrame(api, spoken, correlationId, this.#options.clientId, request)))',
    checks: ['schedules', 'units'],
  },
  {
    rule: '3: writes at once, never errors',
    name: 'every other request is written a microtask later',
    file: CONNECTION,
    text: 'this.#socket?.write(encodeRequestFrame(api, spoken, correlationId, this.#options.clientId, request))',
    instead: `const frame = encodeRequestFrame(api, spoken, correlationId, this.#options.clientId, request)
      if (correlationId % 2 === 0) this.#socket?.write(frame)
      else queueMicrotask(() => this.#socket?.write(frame))`,
  },
  {
    rule: '4: issue order',
    name: 'outcomes are handled as they come',
    file: IN_FLIGHT,
    text: 'early.set(outcome.issue, outcome)',
    instead: 'early.set(next, outcome)',
    checks: ['schedules', 'units'],
  },
  {
    rule: '5: drain, then in order',
    name: 'sending goes on behind a failure while others are in flight',
    file: PARTITION,
    text: "this.#nextTells(batch))) this.#phase = 'draining'",
    instead: "this.#nextTells(batch)) && this.#inFlight.length === 0) this.#phase = 'draining'",
  },
  {
    rule: '5: drain, then in order',
    name: 'what is in flight behind a failure is not awaited',
    file: PARTITION,
    text: "if (this.#phase === 'draining' && this.#inFlight.length === 0) this.#rewind(ends)",
    instead: "if (this.#phase === 'draining') this.#rewind(ends)",
  },
  {
    rule: '5: drain, then in order',
    name: 'what is to be sent again waits behind what was never sent',
    file: PARTITION,
    text: 'new BatchQueue([...kept, ...waiting.filter(batch => !stamped.includes(batch))])',
    instead: 'new BatchQueue([...waiting.filter(batch => !stamped.includes(batch)), ...kept])',
  },
  {
    rule: '5: drain, then in order',
    name: 'a retry takes new sequences',
    file: SEQUENCER,
    text: 'if (batch.baseSequence === NO_SEQUENCE) {',
    instead: 'batch.unstamp()\n    {',
  },
  {
    rule: '5: drain, then in order',
    name: 'the window is open at once when nothing is to be retried',
    file: PARTITION,
    text: "if (error === undefined) {\n      this.#phase = 'probing'",
    instead: "if (error === undefined) {\n      this.#phase = 'open'",
  },
  {
    rule: '5: drain, then in order',
    name: 'sent again without back-off',
    file: PARTITION,
    text: "this.#phase = 'paused'",
    instead: "this.#phase = 'probing'",
    checks: ['units'],
  },
  {
    rule: '6: one leader at a time',
    name: 'a probe goes to the new leader while the old one owes an answer',
    file: PARTITION,
    text: "this.#phase === 'open' && this.#node === this.leader && sameEpoch",
    instead: "(this.#node === this.leader ? this.#phase === 'open' : this.#phase === 'probing') && sameEpoch",
  },
  {
    rule: '7: one until a success',
    name: 'four requests before the first success',
    file: PARTITION,
    text: "return this.#phase === 'open' && this.#node",
    instead: "return (this.#phase === 'open' || (this.#phase === 'probing' && !this.#confirmed)) && this.#node",
  },
  {
    rule: '7: one until a success',
    name: 'a new leader is not probed',
    file: PARTITION,
    text: "if (this.#phase === 'open' && (leader !== this.leader || idle))",
    instead: "if (this.#phase === 'open' && idle)",
  },
  {
    rule: '7: one until a success',
    name: 'the window is open after the back-off',
    file: PARTITION,
    text: "if (this.#phase === 'paused') this.#phase = 'probing'",
    instead: "if (this.#phase === 'paused') this.#phase = 'open'",
  },
  {
    rule: '7: one until a success',
    name: 'a success of the old leader opens the window of the new one',
    file: PARTITION,
    text: "if (this.#phase === 'probing' && this.#node === this.leader) this.#phase = 'open'",
    instead: "if (this.#phase === 'probing') this.#phase = 'open'",
  },
  {
    rule: '7: one until a success',
    name: 'a partition that was idle is not probed',
    file: PARTITION,
    text: '(leader !== this.leader || idle)',
    instead: '(leader !== this.leader)',
  },
  {
    rule: '7: one until a success',
    name: 'a new epoch is not probed',
    file: PARTITION,
    text: "    if (this.#phase === 'open' && batch.identity !== this.#confirmed) this.#phase = 'probing'\n",
    instead: '',
  },
  {
    rule: '8: no gaps',
    name: 'a batch that ended keeps its sequences for itself',
    file: PARTITION,
    text: 'this.sequencer.rewindTo(batch.baseSequence)',
    instead: '',
  },
  {
    rule: '8: no gaps',
    name: 'a batch that expires unsent leaves a gap',
    file: PARTITION,
    text: 'this.#waiting.delete(batch)\n',
    instead: `this.#waiting.delete(batch)
      this.sequencer.next = nextSequence(this.sequencer.next, batch.count)\n`,
  },
  {
    rule: '8: no gaps',
    name: 'those behind a batch that ended keep their sequences',
    file: PARTITION,
    text: "if (restart !== 'no') for (const one of left)",
    instead: "if (restart === 'bump') for (const one of left)",
  },
  {
    rule: "9: 'maybe' is not 'no'",
    name: 'a lost answer is taken for a rejection',
    file: SENDER,
    text: "({ kind: 'unknown', error }))",
    instead: "({ kind: 'rejected', error }))",
  },
  {
    rule: "9: 'maybe' is not 'no'",
    name: 'every retriable code is taken for a rejection',
    file: SENDER,
    text: "BEFORE_APPEND.get(errorCode) ?? 'unknown'",
    instead: "BEFORE_APPEND.get(errorCode) ?? (brokerError(errorCode).retriable ? 'rejected' : 'unknown')",
  },
  {
    rule: "9: 'maybe' is not 'no'",
    name: 'a later rejection makes it certain',
    file: PARTITION,
    text: "if (verdict.kind === 'unknown') batch.unresolved = true",
    instead: "batch.unresolved = verdict.kind === 'unknown'",
  },
  {
    rule: "9: 'maybe' is not 'no'",
    name: "what expires in flight is told with persisted 'no'",
    file: PARTITION,
    text: '    if (inFlight) batch.unresolved = true\n',
    instead: '',
  },
  {
    rule: "9: 'maybe' is not 'no'",
    name: "what is in flight at the end is told with persisted 'no'",
    file: PARTITION,
    text: '    for (const batch of this.#inFlight) batch.unresolved = true\n',
    instead: '',
  },
  {
    rule: "9: 'maybe' is not 'no'",
    name: 'what is in flight beside one that expired is not awaited',
    file: PARTITION,
    text: '      if (this.#inFlight.length === 0) this.#rewind(ends)',
    instead: '      this.#rewind(ends)',
  },
  {
    rule: "9: 'maybe' is not 'no'",
    name: 'no new epoch behind a batch that ended and may be stored',
    file: PARTITION,
    text: 'if (batch.unresolved || !sameIdentity)',
    instead: 'if (!sameIdentity)',
  },
  {
    rule: "9: 'maybe' is not 'no'",
    name: 'the retry limit ends what may be stored',
    file: PARTITION,
    text: "if (batch.unresolved) return displaced || refused ? 'fails' : 'again'",
    instead: "if (batch.unresolved) return displaced || refused || batch.attempts > this.#retries ? 'fails' : 'again'",
  },
  {
    rule: "9: 'maybe' is not 'no'",
    name: 'what may be stored is split',
    file: PARTITION,
    text: "if (batch.unresolved) return displaced || refused ? 'fails' : 'again'",
    instead: "if (batch.unresolved && verdict.kind !== 'tooLarge') return displaced || refused ? 'fails' : 'again'",
  },
  {
    rule: '10: new epoch, from 0',
    name: 'what may be stored is stamped anew',
    file: PARTITION,
    text: "if (batch.unresolved) return displaced || refused ? 'fails' : 'again'",
    instead: "if (batch.unresolved) return refused ? 'fails' : 'again'",
  },
  {
    rule: '10: new epoch, from 0',
    name: 'a new epoch goes on counting',
    file: SEQUENCER,
    text: '    const { identity } = this\n    this.next = 0\n',
    instead: '    const { identity } = this\n',
  },
  {
    rule: '10: new epoch, from 0',
    name: 'a new producer id goes on counting',
    file: SEQUENCER,
    text: '    this.next = 0\n    this.identity = undefined\n',
    instead: '    this.identity = undefined\n',
  },
  {
    rule: '10: new epoch, from 0',
    name: 'a producer id that one partition asked for is given to all',
    file: 'src/producer/accumulator.ts',
    text: 'partition.sequencer.identity ??= identity',
    instead: 'partition.sequencer.identity = identity',
  },
  {
    rule: '10: new epoch, from 0',
    name: 'two epochs are in flight together',
    file: PARTITION,
    text: 'this.#node === this.leader && sameEpoch',
    instead: 'this.#node === this.leader',
  },
]
