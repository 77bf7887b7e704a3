import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { startCluster, type TestCluster } from '../../src/testing/index.js'

/** Runs a program against the cluster to its end: what it wrote, and the code that it exited with. */
async function run(cluster: TestCluster, program: string): Promise<{ out: string; err: string; code: number }> {
  const index = new URL('../../src/index.ts', import.meta.url)
  const source = `
    import { from, Subject } from ${JSON.stringify(import.meta.resolve('rxjs'))}
    import { createProducer } from ${JSON.stringify(index.href)}
    const producer = createProducer({ brokers: ${JSON.stringify(cluster.brokers)} })
    const record = value => ({ topic: 't', value })
    ${program}`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source])
  let [out, err] = ['', '']
  child.stdout.on('data', chunk => {
    out += chunk
  })
  child.stderr.on('data', chunk => {
    err += chunk
  })
  const [code] = await once(child, 'close')
  return { out, err, code }
}

const CLUSTER = { topics: { t: { partitions: 1 } } }

test('a producer that is idle does not keep the process alive, though it was never closed', async () => {
  await using cluster = await startCluster(CLUSTER)
  const program = `
    const records = new Subject()
    records.pipe(producer.send()).subscribe(ack => console.log(ack.kind))
    records.next(record('v'))`
  assert.deepEqual(await run(cluster, program), { out: 'acked\n', err: '', code: 0 })
})

test('a process with records that have no end yet stays until they have one', async () => {
  await using cluster = await startCluster(CLUSTER)
  cluster.inject({ fault: { kind: 'delay', ms: 300 } })
  cluster.inject({ after: 1, fault: { kind: 'appendThenDrop' } })
  const program = `
    from(['a', 'b', 'c'].map(record)).pipe(producer.send()).subscribe(ack => {
      console.log(ack.kind)
      if (ack.record.value === 'c') from([record('again')]).pipe(producer.send()).subscribe(ack => console.log(ack.kind))
    })`
  assert.deepEqual(await run(cluster, program), { out: 'acked\n'.repeat(4), err: '', code: 0 })
  assert.equal(cluster.records('t', 0).length, 4)
})

test('brokers that can not be reached: the process stays until the records have failed', async () => {
  const cluster = await startCluster(CLUSTER)
  await cluster.stop()
  const program = `
    const hasty = createProducer({ brokers: ${JSON.stringify(cluster.brokers)}, requestTimeoutMs: 100, deliveryTimeoutMs: 500 })
    from([record('v')]).pipe(hasty.send()).subscribe(ack => console.log(ack.kind, ack.error.name))`
  const { err, ...rest } = await run(cluster, program)
  assert.deepEqual(rest, { out: 'failed DeliveryTimeoutError\n', code: 0 })
  // Said once, for nobody looks at events.
  assert.equal(err.match(/RX_KAFKA_UNREACHABLE/g)?.length, 1, err)
  assert.match(err, new RegExp(`${cluster.brokers[0]}: no connection: connect ECONNREFUSED`))
})

test('a process that is made to exit says that there were records without an end', async () => {
  await using cluster = await startCluster(CLUSTER)
  const program = `
    from([record('v')]).pipe(producer.send()).subscribe()
    process.exit(3)`
  const { err, code } = await run(cluster, program)
  assert.match(err, /^rx-kafka: the process exits with \d+ bytes of records that no broker has confirmed/)
  assert.equal(code, 3)
})
