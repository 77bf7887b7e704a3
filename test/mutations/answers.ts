import type { Mutation } from './mutation.js'

const SENDER = 'src/producer/sender.ts'
const LINES = 'src/producer/lines.ts'
const DATA_PATH = 'src/producer/data-path.ts'
const ACCUMULATOR = 'src/producer/accumulator.ts'

/** What a request carries, what its answer means, and the memory between. */
export const ANSWERS: readonly Mutation[] = [
  {
    rule: 'answers',
    name: 'a partition that is left out of an answer counts as stored',
    file: SENDER,
    text: "    return { kind: 'unknown', error }\n  })",
    instead: "    return { kind: 'stored', baseOffset: -1n, logAppendTime: -1 }\n  })",
  },
  {
    rule: 'answers',
    name: 'a partition that is left out of an answer counts as rejected',
    file: SENDER,
    text: "    return { kind: 'unknown', error }\n  })",
    instead: "    return { kind: 'rejected', error }\n  })",
  },
  {
    rule: 'answers',
    name: 'the last of two entries counts',
    file: SENDER,
    text: 'if (!partitions.has(partition.index)) partitions.set(partition.index, partition)',
    instead: 'partitions.set(partition.index, partition)',
  },
  {
    rule: 'answers',
    name: 'DUPLICATE_SEQUENCE_NUMBER is a failure',
    file: SENDER,
    text: "if (errorCode === ErrorCode.DUPLICATE_SEQUENCE_NUMBER) return { kind: 'stored', baseOffset: -1n, logAppendTime: -1 }",
    instead: '',
  },
  {
    rule: 'answers',
    name: 'a code that is not known means that nothing was stored',
    file: SENDER,
    text: "BEFORE_APPEND.get(errorCode) ?? 'unknown'",
    instead: "BEFORE_APPEND.get(errorCode) ?? (brokerError(errorCode).retriable ? 'unknown' : 'refused')",
  },
  {
    rule: 'answers',
    name: 'the failure of one partition is one of all in the request',
    file: DATA_PATH,
    text: 'partition.answered(batch, verdicts[i]!)',
    instead: "partition.answered(batch, verdicts.find(({ kind }) => kind !== 'stored') ?? verdicts[i]!)",
  },
  {
    rule: 'requests',
    name: 'two batches of a partition in one request',
    file: LINES,
    text: 'let bytes = 0\n    for (let turns = line.length; turns > 0; turns--) {',
    instead: 'let bytes = 0\n    while (line.length > 0) {',
  },
  {
    rule: 'requests',
    name: 'more bytes than maxRequestSize',
    file: LINES,
    text: '        if (parts.length > 0 && bytes + size > maxBytes) break\n',
    instead: '',
    checks: ['schedules', 'scenarios'],
  },
  {
    rule: 'requests',
    name: 'what stands in the line of a leader that is gone stays there',
    file: LINES,
    text: 'if (partition.line === leader || ',
    instead: 'if (partition.line !== undefined || ',
    checks: ['schedules', 'scenarios'],
  },
  {
    rule: 'memory',
    name: 'bytes of records are not counted',
    file: ACCUMULATOR,
    text: 'this.memory.bytes += added',
    instead: 'this.memory.bytes += RECORD_COST',
    checks: ['schedules', 'scenarios'],
  },
  {
    rule: 'memory',
    name: 'partitions that move are refused with those that do not',
    file: 'src/producer/stalled-share.ts',
    text: 'return this.#moves(topic, partition) ? undefined : this.#refuse(bytes, topic, partition)',
    instead: 'return this.#refuse(bytes, topic, partition)',
    checks: ['scenarios'],
  },
  {
    rule: 'memory',
    name: 'a record is taken though it finds no room',
    file: ACCUMULATOR,
    text: 'this.memory.bytes + held > bufferMemory',
    instead: 'this.memory.bytes > bufferMemory',
  },
  {
    rule: 'memory',
    name: 'memory of a batch that was sent twice is used again',
    file: ACCUMULATOR,
    text: "end.kind === 'acked' && batch.attempts === 1",
    instead: "end.kind === 'acked'",
    checks: ['schedules', 'scenarios'],
  },
  {
    rule: 'memory',
    name: 'memory of a batch that failed is used again',
    file: ACCUMULATOR,
    text: "end.kind === 'acked' && batch.attempts === 1",
    instead: 'batch.attempts === 1',
    checks: ['schedules', 'scenarios'],
  },
]
