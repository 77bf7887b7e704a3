import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { Subject } from 'rxjs'
import { Demo } from '../../src/dashboard/demo/demo.js'
import { STEPS } from '../../src/dashboard/demo/steps.js'
import { type DashboardNote, serveDashboard } from '../../src/dashboard/index.js'
import { createProducer, type Producer, type ProducerEvent } from '../../src/index.js'
import type { TraceEntry } from '../../src/testing/index.js'
import { launch, openPage, shown } from './chromium.js'
import { lowContrast, recorded, type SeenBroker, type SeenRow, startRecording } from './recorder.js'

let browser: Browser
before(async () => {
  browser = await launch()
})
after(() => browser?.close())

const demo = (): Promise<Demo> => Demo.start({ story: false, replyDelayMs: 400 })

const steady = (page: Page): Promise<unknown> =>
  shown(
    page,
    `document.querySelectorAll('.is-open').length === 6 && [...document.querySelectorAll('.broker')].every(one => one.dataset.inFlight === '4')`,
  )

const rowsOf = (states: SeenBroker[][]): SeenRow[] => states.flat().flatMap(({ rows }) => rows)

const PARTITIONS = ['orders-0', 'orders-1', 'orders-2', 'orders-3', 'orders-4', 'orders-5']

const isAscending = (numbers: readonly number[]): boolean => numbers.every((one, i) => i === 0 || one > numbers[i - 1]!)

test('the story: the page shows what the brokers saw, and why the order survives', { timeout: 240_000 }, async () => {
  await using it = await demo()
  const trace: TraceEntry[] = []
  it.cluster.trace$.subscribe(entry => trace.push(entry))
  const { page, wrong } = await openPage(browser, it.dashboard.url, { viewport: { width: 1200, height: 900 } })
  await steady(page)
  await startRecording(page)
  const titles = new Set<string>()
  const states: SeenBroker[][] = []
  for (const { label } of STEPS) {
    // By keyboard.
    await page.getByRole('button', { name: label }).focus()
    await page.keyboard.press('Enter')
    await shown(page, `document.querySelector('#lines li') !== null && !document.querySelector('button:disabled')`)
    titles.add((await page.locator('#note-title').textContent())!)
    // Something goes wrong, and heals.
    const trouble =
      label === 'Throttle'
        ? `/throttled/.test(document.body.textContent)`
        : `document.querySelector('#brokers .batch.again')`
    await shown(page, trouble).catch(() => assert.fail(`${label}: nothing was seen of it`))
    await shown(
      page,
      `!document.querySelector('#brokers .batch.again') && !/throttled for/.test(document.body.textContent)`,
    )
    await steady(page)
    states.push(...(await recorded(page)))
  }
  assert.equal(titles.size, STEPS.length)
  await page.getByRole('button', { name: 'Check the logs' }).click()
  await shown(page, `document.querySelector('#note-title').textContent === 'Checked'`)
  assert.match(
    (await page.locator('#note-text').textContent())!,
    /records are in the brokers' logs, each once and in order/,
  )

  // The window: never more than four, and as many as the brokers counted.
  const depths = states.flat().map(({ inFlight }) => inFlight)
  assert.equal(Math.max(...depths), 4)
  assert.equal(it.cluster.depth.most(), 4)
  for (const { inFlight, usedSlots } of states.flat()) assert.equal(usedSlots, inFlight)

  // In each slot is what a broker received, in the order of its sequences.
  const received = new Set(
    trace
      .flatMap(entry => (entry.kind === 'request' ? (entry.batches ?? []) : []))
      .map(({ partition, baseSequence }) => `orders-${partition} ${baseSequence}`),
  )
  for (const { partition, inFlight, returned } of rowsOf(states)) {
    assert.ok(isAscending(inFlight), `${partition} in flight: ${inFlight}`)
    assert.ok(isAscending(returned), `${partition} returned: ${returned}`)
    for (const sequence of inFlight) assert.ok(received.has(`${partition} ${sequence}`), `${partition} ${sequence}`)
  }

  // Muted: nothing new is sent, until all responses are in.
  let mutes = 0
  for (const partition of PARTITIONS) {
    let before: number | undefined
    for (const state of states) {
      const rows = state.flatMap(({ rows }) => rows).filter(row => row.partition === partition)
      const count = rows.flatMap(({ inFlight }) => inFlight).length
      const isMuted = rows.some(row => row.state === 'draining')
      if (isMuted && before === undefined) mutes++
      // After zero it may be muted once more between two pictures.
      if (isMuted && before) assert.ok(count <= before, `${partition}, in flight while muted: ${before}, then ${count}`)
      before = isMuted ? count : undefined
    }
  }
  assert.ok(mutes > 0, 'no partition was muted')

  // Rule 6: no partition is in flight to two brokers at once.
  for (const state of states)
    for (const partition of PARTITIONS) {
      const places = state.filter(({ rows }) =>
        rows.some(row => row.partition === partition && row.inFlight.length > 0),
      )
      assert.ok(places.length <= 1, `${partition} is in flight at ${places.map(({ broker }) => broker)}`)
    }

  // Acks: in order, and no further than the logs.
  for (let index = 0; index < 6; index++) {
    const acked = rowsOf(states).filter(({ partition, acked }) => partition === `orders-${index}` && acked !== '')
    const offsets = acked.map(({ acked }) => Number(acked))
    assert.ok(
      offsets.every((offset, i) => i === 0 || offset >= offsets[i - 1]!),
      `acks of orders-${index}`,
    )
    const appended = trace.filter(entry => entry.kind === 'appended' && entry.partition === index)
    const last = appended
      .map(entry => (entry.kind === 'appended' ? Number(entry.baseOffset) + entry.count - 1 : -1))
      .at(-1)
    assert.ok(offsets.at(-1)! <= last!, `orders-${index}: acked ${offsets.at(-1)}, stored ${last}`)
  }
  assert.deepEqual(wrong, [])
  await page.close()
})

test('360 px wide, light and dark: nothing scrolls sideways, everything is legible, also while things go wrong', {
  timeout: 120_000,
}, async () => {
  await using it = await demo()
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page, wrong } = await openPage(browser, it.dashboard.url, {
      viewport: { width: 360, height: 740 },
      colorScheme,
    })
    await steady(page)
    for (const summary of await page.locator('summary').all()) await summary.press('Enter')
    const check = async (when: string): Promise<void> => {
      const [wide, narrow] = (await page.evaluate('[document.documentElement.scrollWidth, innerWidth]')) as [
        number,
        number,
      ]
      assert.ok(wide <= narrow, `${when}: ${wide} of ${narrow} px`)
      assert.deepEqual(await lowContrast(page), [], `${colorScheme}, ${when}`)
    }
    await check('steady')
    await page.getByRole('button', { name: 'Leader moves' }).click()
    await shown(page, `document.querySelector('#brokers .batch.again') !== null`)
    await check('a leader moves')
    await steady(page)
    assert.deepEqual(wrong, [])
    await page.close()
  }
  const wide = await openPage(browser, it.dashboard.url, {
    viewport: { width: 1200, height: 900 },
    colorScheme: 'dark',
  })
  await steady(wide.page)
  assert.deepEqual(await lowContrast(wide.page), [])
  await wide.page.close()
})

test('a table has the same as text; the keyboard reaches everything; without motion nothing moves', {
  timeout: 60_000,
}, async () => {
  await using it = await demo()
  const { page, wrong } = await openPage(browser, it.dashboard.url, { reducedMotion: 'reduce' })
  await steady(page)
  const reached: string[] = []
  for (let i = 0; i < 11; i++) {
    await page.keyboard.press('Tab')
    reached.push((await page.evaluate('document.activeElement.textContent.trim().slice(0, 30)')) as string)
    if (reached.at(-1) === 'The same as a table') await page.keyboard.press('Enter')
  }
  for (const name of [
    ...STEPS.map(({ label }) => label),
    'Check the logs',
    'Tell the story',
    'The same as a table',
    'How to read it',
  ])
    assert.ok(reached.includes(name), `${name}: ${reached}`)
  await shown(page, `document.querySelectorAll('#table tr').length === 6`)
  const rows = (await page.evaluate(
    `[...document.querySelectorAll('#table tr')].map(row => [...row.children].map(cell => cell.textContent))`,
  )) as string[][]
  for (const [i, [name, leader, state, , , inFlight]] of rows.entries()) {
    assert.equal(name, `orders-${i}`)
    assert.match(leader!, /^broker [123]$/)
    assert.equal(state, 'open')
    assert.match(inFlight!, /^(\d+(–\d+)? at [123](, )?){1,4}$/)
  }
  const live = page.locator('[aria-live=polite]')
  assert.match((await live.textContent())!, /Steady/)
  await page.getByRole('button', { name: 'Leader moves' }).click()
  await shown(page, `document.querySelector('#brokers .batch.again') !== null`)
  assert.equal(await page.locator('.leaving').count(), 0)
  assert.equal(await page.evaluate('document.getAnimations().length'), 0)
  assert.match((await live.textContent())!, /A leader moves/)
  // No information by colour alone: a state is a word, and a batch that came back has a mark.
  assert.match((await page.locator('#brokers .batch.again').first().textContent())!, /^↺/)
  assert.deepEqual(wrong, [])
  await page.close()
})

test('names and errors are text, whatever they hold', { timeout: 60_000 }, async () => {
  const evil = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>\u202e\u0000\n`
  const real = createProducer({ brokers: ['127.0.0.1:1'] })
  const base = real.metrics()
  const events$ = new Subject<ProducerEvent>()
  const partition = {
    topic: evil,
    partition: 0,
    leader: 1,
    state: 'draining' as const,
    batchesWaiting: 2,
    batchesInFlight: 0,
    bufferUsedBytes: 1,
    recordSendTotal: 1,
    byteTotal: 1,
    recordQueueTimeAvg: 0,
    recordsPerBatchAvg: 0,
    compressionRateAvg: 0,
  }
  const others = Array.from({ length: 70 }, (_, i) => ({ ...partition, state: 'open' as const, partition: i + 1 }))
  const fake = { events$, bufferedBytes: 1, metrics: () => ({ ...base, partitions: [partition, ...others] }) }
  const notes$ = new Subject<DashboardNote>()
  const actions = [{ label: evil, help: evil, run: () => Promise.reject(new Error(evil)) }]
  const dashboard = await serveDashboard(fake as unknown as Producer, { actions, notes$ })
  const { page, wrong } = await openPage(browser, dashboard.url)
  notes$.next({ title: evil, text: evil })
  events$.next({ kind: 'connected', nodeId: 1, address: evil })
  events$.next({ kind: 'retrying', topic: evil, partition: 0, failures: 1, error: new Error(evil) })
  await page.locator('summary').first().press('Enter')
  await page.getByRole('button').first().click()
  await shown(page, `document.querySelector('#action-error').textContent.includes('onerror')`)
  await shown(page, `document.querySelectorAll('#table tr').length === 60`)
  await shown(page, `document.querySelectorAll('#lines li').length === 2`)
  assert.equal(await page.locator('img, #brokers script, #lines script, #story script, #table script').count(), 0)
  assert.equal(await page.locator('#hidden').textContent(), '11 more partitions are not shown.')
  assert.match(await page.title(), /^rx-kafka/)
  const text = (await page.evaluate('document.body.innerText + document.body.textContent')) as string
  assert.ok(text.split('<img src=x').length > 6, 'it is shown as text in many places')
  assert.ok(!text.includes('\u202e') && !text.includes('\u0000'), 'letters that nobody sees')
  assert.match(text, /\\u202e\\u0000/)
  // Chromium logs the response with status 500 to its console.
  assert.deepEqual(
    wrong.filter(message => !message.includes('500')),
    [],
  )
  await page.close()
  await dashboard.close()
  await real.close()
})

test('a page whose process ends says so, and finds it again', { timeout: 60_000 }, async () => {
  const producer = createProducer({ brokers: ['127.0.0.1:1'] })
  const dashboard = await serveDashboard(producer)
  const { page } = await openPage(browser, dashboard.url)
  await dashboard.close()
  await shown(page, `/no connection/.test(document.querySelector('#link').textContent)`)
  const again = await serveDashboard(producer, { port: Number(new URL(dashboard.url).port) })
  await shown(page, `document.querySelector('#link').textContent === 'live'`)
  await page.close()
  await again.close()
  await producer.close()
})
