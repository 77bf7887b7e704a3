import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import kafkajs from 'kafkajs'
import * as named from '../../src/kafkajs/index.js'
import * as own from '../../src/kafkajs/own-errors.js'

type Exports = Readonly<Record<string, unknown>>

const theirs = kafkajs as unknown as Exports
const ours = named as unknown as Exports

test('it exports what kafkajs exports, by name and as default', () => {
  const names = Object.keys(theirs).sort()
  assert.ok(names.length > 40)
  assert.deepEqual(
    Object.keys(ours)
      .filter(name => name !== 'default')
      .sort(),
    names,
  )
  assert.deepEqual(Object.keys(named.default).sort(), names)
})

test('numbers are those of kafkajs', () => {
  const names = Object.keys(theirs).filter(name => /Types$|^ConfigSource$|^logLevel$/.test(name))
  assert.equal(names.length, 8)
  for (const name of names) assert.deepEqual({ ...(ours[name] as object) }, { ...(theirs[name] as object) }, name)
})

test('what only its consumer needs is its own', () => {
  assert.equal(named.PartitionAssigners.roundRobin, kafkajs.PartitionAssigners.roundRobin)
  assert.deepEqual({ ...named.AssignerProtocol }, { ...kafkajs.AssignerProtocol })
  const codec = (): never => assert.fail()
  const { Snappy } = kafkajs.CompressionTypes
  const before = kafkajs.CompressionCodecs[Snappy]
  named.CompressionCodecs[Snappy] = codec
  assert.equal(kafkajs.CompressionCodecs[Snappy], codec, 'its consumer decompresses with what is set here')
  assert.equal(named.CompressionCodecs[Snappy], codec)
  named.CompressionCodecs[Snappy] = before
  assert.deepEqual(Object.keys(named.CompressionCodecs), Object.keys(kafkajs.CompressionCodecs))
})

test('error classes are those of kafkajs where it is installed', () => {
  const names = Object.keys(theirs).filter(name => name.startsWith('KafkaJS'))
  assert.equal(names.length, 31)
  for (const name of names) assert.equal(ours[name], theirs[name], name)
})

/** What each class is made from, where it is not a text alone. */
const DETAILS: Exports = {
  KafkaJSOffsetOutOfRange: { topic: 't', partition: 1 },
  KafkaJSMemberIdRequired: { memberId: 'm' },
  KafkaJSCreateTopicError: 't',
  KafkaJSAlterPartitionReassignmentsError: 't',
  KafkaJSNumberOfRetriesExceeded: { retryCount: 3, retryTime: 40 },
  KafkaJSConnectionError: { broker: 'b:1', code: 'ECONNREFUSED' },
  KafkaJSConnectionClosedError: { host: 'b', port: 1 },
  KafkaJSRequestTimeoutError: { broker: 'b:1', correlationId: 1, createdAt: 2, sentAt: 3, pendingDuration: 4 },
  KafkaJSTopicMetadataNotLoaded: { topic: 't' },
  KafkaJSStaleTopicMetadataAssignment: { topic: 't', unknownPartitions: [1] },
  KafkaJSDeleteGroupsError: [{ groupId: 'g' }],
  KafkaJSServerDoesNotSupportApiKey: { apiKey: 1, apiName: 'Fetch' },
  KafkaJSAggregateError: [new Error('one')],
}

const FROM: Exports = {
  KafkaJSDeleteTopicRecordsError: { partitions: [{ partition: 0, offset: '1', error: { retriable: true } }] },
}

type Make = new (from: unknown, details: unknown) => Error

function ancestors(error: object): string[] {
  const names: string[] = []
  for (let prototype = Object.getPrototypeOf(error); prototype !== null; prototype = Object.getPrototypeOf(prototype))
    names.push(prototype.constructor.name)
  return names
}

/** Everything that a program can see of an error but its stack. */
function seen(error: Error): object {
  const fields = Object.fromEntries(Object.entries(error).filter(([name]) => name !== 'helpUrl'))
  return { ...fields, name: error.name, message: error.message, cause: error.cause, ancestors: ancestors(error) }
}

test('without kafkajs, classes of the same names, fields and ancestors', () => {
  const names = Object.keys(own)
  assert.deepEqual(
    names.sort(),
    Object.keys(theirs)
      .filter(name => name.startsWith('KafkaJS'))
      .sort(),
  )
  const coded = Object.assign(new Error('of a broker'), { type: 'NOT_CONTROLLER', code: 41, retriable: true })
  for (const name of names) {
    for (const from of [FROM[name] ?? 'a text', FROM[name] ?? coded]) {
      const [mine, its] = [own, theirs].map(classes => {
        const Class = (classes as Exports)[name] as Make
        return seen(new Class(from, DETAILS[name] ?? {}))
      })
      assert.deepEqual(mine, its, name)
    }
  }
})

test('a program that only produces needs no kafkajs; consumer() and admin() say how to get it', () => {
  const script = fileURLToPath(new URL('./without-kafkajs.ts', import.meta.url))
  const output = execFileSync(process.execPath, ['--import', 'tsx', script], { encoding: 'utf8' })
  const { sent, own, errors } = JSON.parse(output)
  assert.deepEqual(sent, [
    { topicName: 't', partition: 0, errorCode: 0, baseOffset: '0', logAppendTime: '-1', logStartOffset: '0' },
  ])
  assert.equal(own, true, 'its error classes are of this library')
  assert.deepEqual(errors, [
    "KafkaJSNonRetriableError: consumer() is kafkajs's own, and kafkajs could not be loaded: npm install kafkajs@2",
    "KafkaJSNonRetriableError: admin() is kafkajs's own, and kafkajs could not be loaded: npm install kafkajs@2",
    "KafkaJSNonRetriableError: PartitionAssigners is kafkajs's own, and kafkajs could not be loaded: npm install kafkajs@2",
    'KafkaJSNonRetriableError: Invalid topic',
  ])
})
