import { LINES, nodeOf } from '../nodes.js'
import { type Kind, ours } from '../project.js'

/** All entry points in one program: TypeScript, compiled under `strict`. */
const PROGRAM = `import { from, lastValueFrom, toArray } from 'rxjs'
import { type Ack, createProducer } from 'rx-kafka'
import { serveDashboard } from 'rx-kafka/dashboard'
import { openTelemetry } from 'rx-kafka/opentelemetry'
import { startCluster } from 'rx-kafka/testing'

const cluster = await startCluster({ nodes: 3, topics: { orders: { partitions: 6 } } })
const producer = createProducer({ brokers: cluster.brokers, interceptors: [openTelemetry()] })
const dashboard = await serveDashboard(producer)
if (!(await fetch(dashboard.url)).ok) throw new Error('no page')
const records = Array.from({ length: 1000 }, (_, i) => ({ topic: 'orders', key: \`k\${i}\`, value: \`v\${i}\`, metadata: i }))
const acks: Ack<number>[] = await lastValueFrom(from(records).pipe(producer.send(), toArray()))
await dashboard.close()
await producer.close()
await cluster.stop()
console.log(acks.filter(ack => ack.kind === 'acked').length, acks.every(ack => ack.record.metadata !== undefined))
`

/** \`import\`, on every release line of Node. */
export const esm: Kind = {
  name: 'ES modules',
  run(project) {
    project.install([ours('typescript'), ours('@types/node'), ours('@opentelemetry/api')], { type: 'module' })
    project.write({ 'program.ts': PROGRAM })
    const options = ['--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node']
    project.run('npx', 'tsc', ...options, 'program.ts')
    for (const line of LINES) project.expect(`import on Node ${line}`, '1000 true', nodeOf(line), 'program.js')
  },
}
