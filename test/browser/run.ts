/**
 * `npm run test:browser [FILE…]`: the dashboard in a headless Chromium, which it installs where it can. Fails where there is none.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findChromium } from './chromium.js'

const here = fileURLToPath(new URL('.', import.meta.url))

if (findChromium() === undefined) {
  console.log('Chromium is not there: installing it')
  const command = 'apt-get update -q && apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core'
  const { stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' })
  if (findChromium() === undefined) {
    console.error(`npm run test:browser: Chromium is needed (Debian: chromium); installing it failed: ${stderr}`)
    process.exit(1)
  }
}
const named = process.argv.slice(2)
const all = readdirSync(here)
  .filter(name => name.endsWith('.browser.ts'))
  .map(name => join(here, name))
const args = ['--import', 'tsx', '--test', '--test-concurrency=1', '--test-reporter=spec']
const { status } = spawnSync(process.execPath, [...args, ...(named.length > 0 ? named : all)], { stdio: 'inherit' })
process.exit(status ?? 1)
