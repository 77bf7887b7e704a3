/**
 * Packs the library, installs it into an empty project as npm would, compiles a small TypeScript file against it under
 * `strict`, and runs that on this Node and on the newest supported one.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const project = mkdtempSync(join(tmpdir(), 'rx-kafka-package-'))
const run = (cwd: string, command: string, ...args: string[]): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

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
console.log(acks.filter(ack => ack.kind === 'acked').length, acks.every(ack => ack.record.metadata !== undefined))
await dashboard.close()
await producer.close()
await cluster.stop()
`

try {
  const tarball = (
    JSON.parse(run(root, 'npm', 'pack', '--json', '--pack-destination', project)) as { filename: string }[]
  )[0]!
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  writeFileSync(join(project, 'program.ts'), PROGRAM)
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const tools = ['typescript', '@types/node', 'rxjs', '@opentelemetry/api'].map(
    name => `${name}@${devDependencies[name]}`,
  )
  run(project, 'npm', 'install', '--no-audit', '--no-fund', `./${tarball.filename}`, ...tools)
  run(project, 'npx', 'tsc', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node', 'program.ts')
  const versions = [
    ['this Node', run(project, process.execPath, 'program.js')],
    ['Node 24', run(project, 'npx', '--yes', '-p', 'node@24', 'node', 'program.js')],
  ] as const
  for (const [name, output] of versions) {
    if (output.trim() !== '1000 true')
      throw new Error(`${name} printed ${JSON.stringify(output)}, expected "1000 true"`)
    console.log(`the packed library works on ${name}`)
  }
} finally {
  rmSync(project, { recursive: true, force: true })
}
