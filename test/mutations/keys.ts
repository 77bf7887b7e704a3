import { PARTITION_CHOOSER, PARTITIONERS } from './files.js'
import type { Mutation } from './mutation.js'

/** Where records go: partitioners of other clients, and the choice for records without a key. */
export const KEYS: readonly Mutation[] = [
  {
    rule: 'partitioners',
    name: 'the sign of FNV-1a is cut off, as murmur2 does it',
    file: PARTITIONERS,
    text: 'Math.abs(fnv1a(bytesOf(key)))',
    instead: '(fnv1a(bytesOf(key)) & 0x7fffffff)',
    checks: ['units'],
  },
  {
    rule: 'partitioners',
    name: 'CRC32 keeps its sign',
    file: PARTITIONERS,
    text: '(crc32.buf(bytesOf(key)) >>> 0)',
    instead: 'Math.abs(crc32.buf(bytesOf(key)))',
    checks: ['units'],
  },
  {
    rule: 'partitioners',
    name: 'an empty key is hashed where librdkafka takes a random partition',
    file: PARTITIONERS,
    text: 'if (key.length === 0) return',
    instead: 'if (key.length < 0) return',
    checks: ['units'],
  },
  {
    rule: 'partitioners',
    name: 'a partition without a leader has its turn',
    file: PARTITIONERS,
    text: 'while (!hasLeader(turn % partitionCount) && turn',
    instead: 'while (!hasLeader && turn',
    checks: ['units', 'scenarios'],
  },
  {
    rule: 'partitioners',
    name: 'a partition that is passed over gives its turn to its neighbour, which has two',
    file: PARTITIONERS,
    text: 'turns.set(topic, turn + 1)',
    instead: 'turns.set(topic, first + 1)',
    checks: ['units'],
  },
  {
    rule: 'partitioners',
    name: 'all topics share one turn',
    file: PARTITIONERS,
    text: 'turns.set(topic, turn + 1)',
    instead: "turns.set('', turn + 1)",
    checks: ['units'],
  },
  {
    rule: 'partitions without key',
    name: 'a partition with many batches to send gets as many records as others',
    file: PARTITION_CHOOSER,
    text: 'turn < first + count && fewest > 0',
    instead: 'turn < first + count && chosen === undefined',
    checks: ['units'],
  },
]
