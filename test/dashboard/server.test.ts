import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { tracingChannel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Subject } from 'rxjs'
import { EventStream, MOST_CLIENTS, serverSentEvent } from '../../src/dashboard/event-stream.js'
import { type DashboardNote, type DashboardOptions, serveDashboard } from '../../src/dashboard/index.js'
import { createProducer, InvalidArgumentError, KafkaError, type Producer } from '../../src/index.js'
import { startWorld, type World } from '../support/world.js'
import { Page } from './pages.js'

const CLUSTER = { topics: { t: { partitions: 1 } } }

interface Served extends World {
  readonly url: string
}

async function served(t: TestContext, options?: DashboardOptions): Promise<Served> {
  const world = await startWorld({ cluster: CLUSTER, producer: { clientId: 'me' } })
  const dashboard = await serveDashboard(world.producer, options)
  t.after(async () => {
    await dashboard.close()
    await world.end()
  })
  return { ...world, url: dashboard.url }
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: Record<string, unknown>
}

/** As `fetch`, which lets nobody choose Host, Origin or Sec-Fetch-Site. */
async function ask(url: string, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const { hostname, port } = new URL(url)
  const asked = request({ hostname, port, path, method, headers, agent: false })
  asked.end()
  const [response] = await once(asked, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  return { status: response.statusCode, body, headers: response.headers }
}

test('a page gets what there is, and then what happens', async t => {
  const { url, producer, time, cluster } = await served(t)
  await using page = await Page.open(url)
  const first = await page.until('state')
  assert.deepEqual([first.clientId, first.ended, first.brokers, first.partitions], ['', undefined, [], []])
  await time.until(producer.sendOne({ topic: 't', value: 'a' }))
  const state = await page.until('state', ({ totals }) => totals.acked === 1)
  assert.equal(state.clientId, 'me')
  assert.deepEqual(
    state.brokers.map(({ nodeId, address, connected, maxInFlight }) => ({ nodeId, address, connected, maxInFlight })),
    [{ nodeId: 1, address: cluster.brokers[0], connected: true, maxInFlight: 4 }],
  )
  const [{ topic, partition, acked, lastOffset }] = state.partitions as [(typeof state.partitions)[0]]
  assert.deepEqual({ topic, partition, acked, lastOffset }, { topic: 't', partition: 0, acked: 1, lastOffset: '0' })
  await page.until('line', ({ text }) => text === `Connected to broker 1 at ${cluster.brokers[0]}.`)
})

test('every page gets everything, and one that comes later gets the lines and the note that it missed', async t => {
  const notes$ = new Subject<DashboardNote>()
  const { url, producer, time } = await served(t, { notes$ })
  await using one = await Page.open(url)
  await using two = await Page.open(url)
  await one.until('state')
  await two.until('state')
  notes$.next({ title: 'N', text: 'told', rule: 3 })
  await time.until(producer.sendOne({ topic: 't', value: 'a' }))
  for (const page of [one, two]) {
    await page.until('note', ({ text }) => text === 'told')
    await page.until('state', ({ totals }) => totals.acked === 1)
  }
  await using late = await Page.open(url)
  assert.deepEqual(await late.until('note'), { title: 'N', text: 'told', rule: 3 })
  await late.until('line', ({ text }) => text.startsWith('Connected'))
})

test('the page may run its own files and nothing else, and has nothing from elsewhere', async t => {
  const { url } = await served(t)
  const files = await readdir(new URL('../../src/dashboard/page/', import.meta.url))
  const paths = ['/', ...files.filter(file => !/^(index\.html|tsconfig\.json)$/.test(file)).map(file => `/${file}`)]
  assert.ok(paths.length > 5)
  for (const path of paths) {
    const { status, body, headers } = await ask(url, path)
    assert.equal(status, 200, path)
    const policy = String(headers['content-security-policy'])
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/)
    assert.match(policy, /frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'/)
    assert.doesNotMatch(policy, /unsafe|\*|data:|http/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
    assert.equal(headers['access-control-allow-origin'], undefined)
    // XML namespaces are names, not places.
    assert.doesNotMatch(body.replaceAll('http://www.w3.org/2000/svg', ''), /https?:\/\//, path)
    assert.doesNotMatch(body, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|\bon[a-z]+="/, path)
  }
  const { body } = await ask(url, '/')
  assert.doesNotMatch(body, /<style|style="|<script(?! type="module" src="\/main\.js")/)
})

test('only addresses, localhost and its own host are taken for its Host: another name may be rebound to this machine', async t => {
  const { url } = await served(t, { host: 'localhost' })
  const { port } = new URL(url)
  for (const path of ['/', '/events', '/metrics.json', '/actions/0']) {
    const { status, body } = await ask(url, path, { host: `evil.example:${port}` })
    assert.deepEqual([status, body.includes('Host')], [403, true], path)
  }
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`, '10.1.2.3'])
    assert.equal((await ask(url, '/', { host })).status, 200, host)
  for (const host of ['localhost.evil.example', '127.0.0.1.evil.example', 'evil@127.0.0.1'])
    assert.equal((await ask(url, '/', { host })).status, 403, host)
})

test("other sites' pages get nothing, but may link to it", async t => {
  const { url } = await served(t)
  const site = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }
  for (const path of ['/main.js', '/events', '/metrics.json'])
    assert.equal((await ask(url, path, site)).status, 403, path)
  assert.equal((await ask(url, '/', { ...site, 'sec-fetch-mode': 'navigate' })).status, 200)
  assert.equal((await ask(url, '/', { 'sec-fetch-site': 'none' })).status, 200)
})

test('a button acts for the page alone: POST, the own origin, and the token that only the page can read', async t => {
  let pressed = 0
  const actions = [
    { label: 'press', run: () => void pressed++ },
    { label: 'fail', run: () => Promise.reject(new Error('no such broker')) },
  ]
  const { url } = await served(t, { actions })
  await using page = await Page.open(url)
  const hello = await page.until('hello')
  assert.deepEqual(
    hello.actions.map(({ label }) => label),
    ['press', 'fail'],
  )
  const { origin } = new URL(url)
  const own = { origin, 'x-rx-kafka-token': hello.token }
  const refused: [Record<string, string>, string][] = [
    [{}, 'POST'],
    [{ origin }, 'POST'],
    [{ 'x-rx-kafka-token': hello.token }, 'POST'],
    [{ ...own, origin: 'http://evil.example' }, 'POST'],
    [{ ...own, origin: 'null' }, 'POST'],
    [{ ...own, 'x-rx-kafka-token': hello.token.replace(/.$/, '_') }, 'POST'],
    [{ ...own, 'x-rx-kafka-token': '' }, 'POST'],
    [{ ...own, 'sec-fetch-site': 'same-site' }, 'POST'],
  ]
  for (const [headers, method] of refused)
    assert.equal((await ask(url, '/actions/0', headers, method)).status, 403, JSON.stringify(headers))
  assert.equal((await ask(url, '/actions/0', own)).status, 405)
  assert.equal(pressed, 0)
  assert.equal((await ask(url, '/actions/0', own, 'POST')).status, 204)
  assert.equal(pressed, 1)
  const { status, body } = await ask(url, '/actions/1', own, 'POST')
  assert.deepEqual([status, body], [500, 'no such broker'])
  for (const path of ['/actions/2', '/actions/x', '/actions/', '/actions/__proto__'])
    assert.equal((await ask(url, path, own, 'POST')).status, 404, path)
})

test('two dashboards have different tokens', async t => {
  const [one, two] = [await served(t), await served(t)]
  await using first = await Page.open(one.url)
  await using second = await Page.open(two.url)
  assert.notEqual((await first.until('hello')).token, (await second.until('hello')).token)
})

test('/metrics.json has the metrics, other paths nothing, and nothing can be written', async t => {
  const { url, producer, time } = await served(t)
  await time.until(producer.sendOne({ topic: 't', value: 'a' }))
  const { body, headers } = await ask(url, '/metrics.json')
  assert.equal(headers['content-type'], 'application/json')
  assert.deepEqual(JSON.parse(body).partitions[0].topic, 't')
  assert.equal(JSON.parse(body).recordAckTotal, 1)
  for (const path of ['/nothing', '/../package.json', '/page/../../index.ts', '/%2e%2e/index.ts', '//'])
    assert.equal((await ask(url, path)).status, 404, path)
  for (const method of ['POST', 'PUT', 'DELETE']) assert.equal((await ask(url, '/', {}, method)).status, 405)
})

test('a message is one line of JSON, whatever is in it', () => {
  const hostile = '</script>\n\ndata: {"x":1}\r\n\u2028\u0000<img src=x onerror=alert(1)>'
  const message = serverSentEvent('line', { text: hostile })
  assert.equal(message.split('\n').length, 4)
  assert.doesNotMatch(message, /\r/)
  assert.deepEqual(JSON.parse(/^data: ([^\n]*)$/m.exec(message)![1]!), { text: hostile })
})

test(`no more than ${MOST_CLIENTS} pages are open at a time; one that ends makes room`, async t => {
  const { url } = await served(t)
  const pages = await Promise.all(Array.from({ length: MOST_CLIENTS }, () => Page.open(url)))
  await Promise.all(pages.map(page => page.until('state')))
  const { status, body } = await ask(url, '/events')
  assert.deepEqual([status, body.includes(`${MOST_CLIENTS} pages`)], [503, true])
  await pages[0]![Symbol.asyncDispose]()
  // The server hears of it a little later.
  let again = await fetch(new URL('/events', url))
  while (again.status === 503) {
    await again.body?.cancel()
    await turn()
    again = await fetch(new URL('/events', url))
  }
  await again.body!.cancel()
  for (const page of pages.slice(1)) await page[Symbol.asyncDispose]()
})

test('a client that does not read is dropped, and others go on', async t => {
  let clients = 0
  const stream = new EventStream(now => {
    clients = now
  })
  const server = createServer((_, response) => stream.add(response, []))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => void server.closeAllConnections())
  t.after(() => void server.close())
  const { port } = server.address() as AddressInfo
  const slow = connect(port, '127.0.0.1')
  slow.on('error', () => {})
  slow.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  while (clients < 1) await turn()
  slow.pause()
  await using quick = await Page.open(`http://127.0.0.1:${port}/`)
  while (clients < 2) await turn()
  const message = serverSentEvent('line', { text: 'x'.repeat(64 * 1024) })
  let sent = 0
  while (clients === 2) {
    stream.send(message)
    sent++
    assert.ok(sent < 1_000, 'nobody was dropped')
    while (quick.all.length < sent) await turn()
  }
  assert.equal(clients, 1)
  assert.equal(quick.all.length, sent)
  slow.destroy()
})

test('close() ends pages, port, channel and timers; the producer goes on; a second call waits for the first', async () => {
  const { producer, time, end } = await startWorld({ cluster: CLUSTER })
  const dashboard = await serveDashboard(producer)
  const page = await Page.open(dashboard.url)
  await page.until('state')
  const channel = tracingChannel('rx-kafka:produce')
  assert.ok(channel.start.hasSubscribers)
  await Promise.all([dashboard.close(), dashboard.close()])
  await page.ended
  assert.ok(!channel.start.hasSubscribers)
  await assert.rejects(fetch(dashboard.url), { name: 'TypeError' })
  await time.until(producer.sendOne({ topic: 't', value: 'a' }))
  await end()
})

test('a closed producer is shown as ended', async () => {
  const { producer, time, cluster } = await startWorld({ cluster: CLUSTER })
  await using dashboard = await serveDashboard(producer)
  await using page = await Page.open(dashboard.url)
  await page.until('state')
  await time.until(producer.close())
  await page.until('line', ({ text }) => text === 'The producer is closed.')
  assert.equal((await page.until('state', ({ ended }) => ended !== undefined)).ended, 'it is closed')
  await cluster.stop()
})

test('wrong options are refused where they are given', async () => {
  const producer = createProducer({ brokers: ['127.0.0.1:1'] })
  const wrong: [unknown, RegExp][] = [
    [{ port: -1 }, /`port` must be an integer from 0 to 65535/],
    [{ port: '80' }, /`port`/],
    [{ host: '' }, /`host`/],
    [{ actions: [{ label: 'a' }] }, /`actions` must be an array of objects with a `label` and a function `run`/],
    [{ notes$: [] }, /`notes\$` must be an Observable/],
    [{ prot: 1 }, /there is no option `prot`, only port, host/],
    [{ toString: 1 }, /there is no option `toString`/],
    [null, /options must be an object/],
  ]
  for (const [options, message] of wrong) {
    const call = (): unknown => serveDashboard(producer, options as DashboardOptions)
    assert.throws(call, (error: Error) => error instanceof InvalidArgumentError && message.test(error.message))
  }
  assert.throws(() => serveDashboard({} as Producer), /must be a producer of createProducer\(\)/)
  await producer.close()
})

test('a port that is taken: the error says which, and what to do', async t => {
  const { url, producer } = await served(t)
  const port = Number(new URL(url).port)
  await assert.rejects(serveDashboard(producer, { port }), (error: Error) => {
    assert.ok(error instanceof KafkaError)
    assert.match(error.message, new RegExp(`cannot listen at 127\\.0\\.0\\.1:${port}: .*EADDRINUSE.*choose another`))
    return true
  })
})

test('it keeps no process alive, even while a page is open', async () => {
  const script = `
    import { createProducer } from './src/index.ts'
    import { serveDashboard } from './src/dashboard/index.ts'
    const { url } = await serveDashboard(createProducer({ brokers: ['127.0.0.1:1'] }))
    const { get } = await import('node:http')
    const response = await new Promise(resolve => get(url + 'events', resolve))
    await new Promise(resolve => response.once('data', resolve))
    response.socket.unref()
    console.log('watched')`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { timeout: 60_000 })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))
  const [code] = await once(child, 'close')
  assert.deepEqual([code, output], [0, 'watched\n'])
})
