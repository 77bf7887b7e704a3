import { TYPESCRIPT } from '../programs.js'
import { type Kind, ours } from '../project.js'

/** Uses types of every entry point. */
const USES = `
import { type Ack, KafkaError, type Producer, type ProducerOptions } from 'rx-kafka'
import { type Dashboard, serveDashboard } from 'rx-kafka/dashboard'
import { Kafka } from 'rx-kafka/kafkajs'
import { openTelemetry } from 'rx-kafka/opentelemetry'
import { type TestCluster, VirtualTime } from 'rx-kafka/testing'

export const options: ProducerOptions = { brokers: ['localhost:9092'], interceptors: [openTelemetry()] }
export const kafka: Kafka = new Kafka({ brokers: ['localhost:9092'] })
export const kinds = (acks: Ack[]): string[] => acks.map(({ kind }) => kind)
export const serve = (producer: Producer): Promise<Dashboard> => serveDashboard(producer)
export const nodes = (cluster: TestCluster): readonly string[] => cluster.brokers
export const isOurs = (error: unknown): error is KafkaError => error instanceof KafkaError
export const time: VirtualTime = new VirtualTime()
// @ts-expect-error: a wrong option is an error, so the types above are not any
export const wrong: ProducerOptions = { brokers: 1 }
`

/** A class with private members is one type only where both conditions lead to the same declaration. */
const COMMONJS_SIDE = `
import rx = require('rx-kafka')
import testing = require('rx-kafka/testing')
export const time = new testing.VirtualTime()
export const error = new rx.KafkaError('no')
`
const ESM_SIDE = `
import { KafkaError } from 'rx-kafka'
import kafkajs, { type Kafka } from 'rx-kafka/kafkajs'
import { VirtualTime } from 'rx-kafka/testing'
import commonjs from './commonjs.cjs'
export const time: VirtualTime = commonjs.time
export const error: KafkaError = commonjs.error
export const kafka: Kafka = new kafkajs.Kafka({ brokers: ['localhost:9092'] })
`

/** By the compiler of many projects and by the newest one. `module` commonjs has another default of `moduleResolution` in each. */
const COMPILERS = ['typescript@~5.9', ours('typescript')]

const MODULES: Readonly<Record<string, readonly string[]>> = {
  commonjs: ['--module', 'commonjs'],
  node16: ['--module', 'node16'],
  nodenext: ['--module', 'nodenext'],
  bundler: ['--module', 'esnext', '--moduleResolution', 'bundler'],
}

export const types: Kind = {
  name: 'types',
  run(parent) {
    for (const compiler of COMPILERS) {
      const project = parent.sub(compiler.replaceAll(/\W/g, '-'))
      project.install([compiler, ours('@types/node'), ours('@opentelemetry/api'), ours('kafkajs')])
      project.write({ 'program.ts': TYPESCRIPT, 'uses.ts': USES, 'commonjs.cts': COMMONJS_SIDE, 'esm.mts': ESM_SIDE })
      const tsc = (what: string, ...args: readonly string[]): void => {
        const [version] = /[\d.]+/.exec(project.run('npx', 'tsc', '--version'))!
        const options = ['--noEmit', '--strict', '--target', 'es2023', '--types', 'node']
        project.check(`TypeScript ${version}, ${what}`, 'npx', 'tsc', ...options, ...args)
      }
      for (const [name, options] of Object.entries(MODULES)) tsc(name, ...options, 'program.ts', 'uses.ts')
      tsc('one type for both', '--module', 'nodenext', 'commonjs.cts', 'esm.mts')
    }
  },
}
