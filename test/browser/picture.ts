/**
 * `npm run picture`: docs/dashboard-light.png and docs/dashboard-dark.png, from a real run: a leader has just moved, and its partition
 * is muted.
 */
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Demo } from '../../src/dashboard/demo/demo.js'
import { launch, openPage, shown } from './chromium.js'

const MOST_BYTES = 200_000

/** Some batches have come back, and the old leader still owes responses for others. */
const MOMENT = `document.querySelectorAll('.is-draining .batch.again').length >= 2
  && document.querySelectorAll('.is-leaving .slot .batch').length >= 1`

const browser = await launch()
for (const colorScheme of ['light', 'dark'] as const) {
  await using demo = await Demo.start({ story: false, replyDelayMs: 1_200 })
  const options = {
    viewport: { width: 1080, height: 1000 },
    colorScheme,
    reducedMotion: 'reduce' as const,
    deviceScaleFactor: 1.25,
  }
  const { page } = await openPage(browser, demo.dashboard.url, options)
  // The sparklines get their past.
  await page.waitForTimeout(25_000)
  await page.getByRole('button', { name: 'Leader moves' }).click()
  await shown(page, MOMENT)
  const path = fileURLToPath(new URL(`../../docs/dashboard-${colorScheme}.png`, import.meta.url))
  const height = (await page.evaluate(`document.querySelector('main').getBoundingClientRect().bottom`)) as number
  await page.screenshot({ path, clip: { x: 0, y: 0, width: 1080, height: Math.ceil(height) } })
  const { size } = statSync(path)
  if (size > MOST_BYTES) throw new Error(`${path} has ${size} bytes, more than ${MOST_BYTES}`)
  console.log(`${path}: ${size} bytes`)
  await page.close()
}
await browser.close()
