/** `rx-kafka dashboard` and `rx-kafka top`. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { serveDashboard } from '../../src/dashboard/index.js'
import { createProducer } from '../../src/index.js'
import { startCluster } from '../../src/testing/index.js'
import { runHere, startHere } from './support/command.js'

test('`top` writes what an application serves', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 3 } } })
  await using producer = createProducer({ brokers: cluster.brokers })
  await producer.sendOne({ topic: 't', partition: 2, value: 'a' })
  const served = await serveDashboard(producer)
  const url = served.url.replace('http://', '')
  const seen = await runHere(['top', '--url', url])
  assert.equal(seen.code, 0)
  assert.match(seen.stdout, /^t-2 +1 +open/m)
  await served.close()
  const gone = await runHere(['top', '--url', url])
  assert.deepEqual([gone.code, gone.stdout], [1, ''])
  assert.match(gone.stderr, /there is no dashboard at .*ECONNREFUSED/)
})

test('`top` says what is no dashboard', async () => {
  const silent = createServer(socket => socket.destroy())
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const none = await runHere(['top', '--url', `127.0.0.1:${port}`])
  assert.match(none.stderr, /there is no dashboard at .*(socket hang up|ECONNRESET)/)
  silent.close()
  const wrong = await runHere(['top', '--url', 'http://['])
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /--url must be a URL/)
})

test('`dashboard` serves the demonstration until it is interrupted', async () => {
  const here = startHere(['dashboard', '--port', '0', '--quiet'])
  while (here.out.stdout === '') await new Promise(setImmediate)
  const [, url] = /^open (http:\/\/127\.0\.0\.1:\d+\/) in a browser; Ctrl-C stops\n$/.exec(here.out.stdout)!
  assert.match(await (await fetch(url!)).text(), /<title>rx-kafka/)
  here.interrupts$.next('SIGINT')
  assert.equal((await here.ended).code, 0)
  await assert.rejects(fetch(url!))
})
