import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { exportedModules } from '../../docs/site/entry-points.js'
import { launch } from './chromium.js'
import { lowContrast } from './recorder.js'
import { idsOf, linksOf, pagesIn, serveFolder } from './site.js'

// `npm run test:docs` builds it.
const folder = fileURLToPath(new URL('../../docs/site/out/', import.meta.url))
const pages = pagesIn(folder)
const TABS = 8

let browser: Browser
let server: Server
let url: string
before(async () => {
  browser = await launch()
  ;({ server, url } = await serveFolder(folder))
})
after(async () => {
  await browser?.close()
  server?.close()
})

test('the site has guides, examples and every entry point', () => {
  assert.ok(pages.length > 150, `${pages.length} pages`)
  for (const page of ['index', 'start', 'guides/transactions', 'examples/acks', 'functions/rx-kafka.createProducer'])
    assert.ok(pages.includes(`${page}.html`), page)
  const entryPoints = exportedModules()
  assert.ok(entryPoints.length >= 4)
  for (const { name } of entryPoints) assert.ok(pages.includes(`modules/${name.replaceAll('/', '_')}.html`), name)
})

test('every link leads to a page, and to a place in it', () => {
  const html = new Map(pages.map(page => [page, readFileSync(join(folder, page), 'utf8')]))
  const ids = new Map([...html].map(([page, text]) => [page, idsOf(text)]))
  let links = 0
  for (const [from, text] of html) {
    for (const { page, id } of linksOf(text, from)) {
      assert.ok(existsSync(join(folder, page)), `${from} links to ${page}, which does not exist`)
      if (id !== undefined && page.endsWith('.html'))
        assert.ok(ids.get(page)?.has(id), `${from} links to ${page}#${id}: there is no such place`)
      links++
    }
  }
  assert.ok(links > 3_000, `${links} links`)
})

/** Opens a page, and waits until its script shows it. */
async function open(page: Page, name: string): Promise<void> {
  await page.goto(url + name)
  await page.locator('.col-content h1').first().waitFor()
}

/** Opens pages one after the other in one tab, and tells what went wrong in any of them. */
async function walk(page: Page, names: readonly string[], look: (name: string) => Promise<void>): Promise<string[]> {
  const wrong: string[] = []
  let name = ''
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') wrong.push(`${name}: ${message.text()}`)
  })
  page.on('pageerror', error => wrong.push(`${name}: ${error.message}`))
  page.on('request', request => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:'))
      wrong.push(`${name} asked for ${request.url()}`)
  })
  page.on('response', response => {
    if (response.status() >= 400) wrong.push(`${name}: ${response.status()} ${response.url()}`)
  })
  for (name of names) {
    await open(page, name)
    await look(name)
  }
  return wrong
}

test('360 px and 1280 px wide: no page scrolls sideways, complains, or asks another site for anything', {
  timeout: 240_000,
}, async () => {
  const wide: string[] = []
  // A page is shown half a second after it is loaded, so several tabs wait at the same time.
  const shares = Array.from({ length: TABS }, (_, tab) => pages.filter((_, i) => i % TABS === tab))
  const walks = shares.map(async names => {
    const page = await browser.newPage({ viewport: { width: 360, height: 800 } })
    const wrong = await walk(page, names, async name => {
      for (const width of [360, 1280]) {
        await page.setViewportSize({ width, height: 800 })
        const [content, inner, title] = (await page.evaluate(
          `[document.documentElement.scrollWidth, innerWidth, document.querySelector('.col-content h1')?.offsetWidth]`,
        )) as [number, number, number | undefined]
        assert.equal(inner, width)
        if (content > inner) wide.push(`${name}: ${content} of ${inner} px`)
        if (!title) wide.push(`${name} shows no title`)
      }
    })
    await page.close()
    return wrong
  })
  assert.deepEqual((await Promise.all(walks)).flat(), [])
  assert.deepEqual(wide, [])
})

test('on a phone: the menu opens, search finds a guide and an option, text is legible in light and dark', {
  timeout: 60_000,
}, async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await browser.newPage({ viewport: { width: 360, height: 740 }, colorScheme })
    for (const name of ['index', 'start', 'reference/options', 'interfaces/rx-kafka.ProducerOptions']) {
      await open(page, `${name}.html`)
      assert.deepEqual(await lowContrast(page), [], `${colorScheme}, ${name}`)
    }
    await page.locator('#tsd-toolbar-menu-trigger').click()
    await page.locator('.site-menu').getByRole('link', { name: 'How the window works' }).click()
    await page.waitForURL(`${url}window.html`)
    await page.locator('.col-content h1').first().waitFor()

    for (const [words, target] of [
      ['bufferMemory', 'ProducerOptions.html#buffermemory'],
      ['Managed clusters', 'guides/clusters.html'],
    ] as const) {
      await page.locator('#tsd-search-trigger').click()
      await page.locator('#tsd-search-input').fill(words)
      await page.locator(`#tsd-search-results a[href*="${target}"]`).first().waitFor()
      await page.keyboard.press('Escape')
    }
    await page.close()
  }
})
