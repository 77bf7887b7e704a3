import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startCluster } from '../../src/testing/index.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const page = readFileSync(join(root, 'docs/health.md'), 'utf8')
const programs = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!)

test('docs/health.md: its program answers the probes, unready without Kafka, and ends at SIGTERM', async () => {
  assert.equal(programs.length, 1)
  const source = `'${new URL('../../src/index.ts', import.meta.url)}'`
  await using cluster = await startCluster()
  // Beneath the project, so that its packages are found.
  const folder = mkdtempSync(join(root, 'node_modules', '.health-'))
  try {
    for (const [broker, ready] of [
      [cluster.brokers[0]!, 200],
      ['127.0.0.1:1', 503],
    ] as const) {
      const file = join(folder, 'program.mts')
      writeFileSync(
        file,
        programs[0]!
          .replace("'rx-kafka'", source)
          .replace("'localhost:9092'", `'${broker}'`)
          .replace('server.listen(8080)', 'server.listen(0, () => console.log(server.address().port))'),
      )
      const child = spawn(process.execPath, ['--import', 'tsx', file], {
        stdio: ['ignore', 'pipe', 'inherit'],
        timeout: 60_000,
        killSignal: 'SIGKILL',
      })
      const closed = once(child, 'close')
      const [port] = await once(createInterface({ input: child.stdout }), 'line')
      const probe = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`)
      assert.equal((await probe('/live')).status, 200)
      let answer = await probe('/ready')
      // On a busy machine it may take longer than the program waits.
      while (ready === 200 && answer.status === 503) answer = await probe('/ready')
      assert.equal(answer.status, ready)
      const { state } = (await answer.json()) as { state: string }
      assert.equal(state, ready === 200 ? 'ready' : 'starting')
      child.kill('SIGTERM')
      assert.deepEqual(await closed, [0, null])
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('docs/health.md has a row for every field', () => {
  const source = readFileSync(join(root, 'src/producer/metrics/health.ts'), 'utf8')
  const body = /^export interface ProducerHealth \{$(.*?)^\}$/ms.exec(source)![1]!
  const fields = [...body.matchAll(/readonly (\w+):/g)].map(([, field]) => field)
  const rows = [...page.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)].flatMap(([, cell]) => cell!.match(/\w+/g)!)
  assert.deepEqual(rows, fields)
  assert.ok(fields.length > 5)
})
