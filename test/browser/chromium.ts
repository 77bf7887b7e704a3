import { spawnSync } from 'node:child_process'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** Returns the path of a Chromium on this machine. */
export function findChromium(): string | undefined {
  for (const name of NAMES) {
    const { status, stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' })
    if (status === 0) return stdout.trim()
  }
  return undefined
}

export function launch(): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error('there is no Chromium; `npm run test:browser` installs one')
  // Chromium's sandbox does not start for root, as in a container. It opens only pages of this process.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return chromium.launch({ executablePath, args })
}

/** A page, and everything that went wrong in it. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; wrong: string[] }> {
  const page = await browser.newPage(options)
  const wrong: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') wrong.push(message.text())
  })
  page.on('pageerror', error => wrong.push(error.message))
  page.on('request', request => {
    if (!request.url().startsWith(url)) wrong.push(`it asked for ${request.url()}`)
  })
  await page.goto(url)
  await shown(page, 'document.querySelector("#link").textContent !== "connecting"')
  return { page, wrong }
}

/** Waits until an expression is true in the page. `waitForFunction` needs `eval`, which the page's policy forbids. */
export async function shown(page: Page, expression: string): Promise<void> {
  for (const end = performance.now() + 30_000; !(await page.evaluate(expression)); ) {
    if (performance.now() > end) throw new Error(`the page never showed that ${expression}`)
    await page.waitForTimeout(20)
  }
}
