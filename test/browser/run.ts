/**
 * `npm run test:browser`, `npm run test:docs`: runs files of tests with a headless Chromium, which it installs where it can. Fails where
 * there is none.
 */
import { spawnSync } from 'node:child_process'
import { findChromium } from './chromium.js'

if (findChromium() === undefined) {
  console.log('Chromium is not there: installing it')
  const command = 'apt-get update -q && apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core'
  const { stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' })
  if (findChromium() === undefined) {
    console.error(`npm run test:browser: Chromium is needed (Debian: chromium); installing it failed: ${stderr}`)
    process.exit(1)
  }
}
const args = ['--import', 'tsx', '--test', '--test-concurrency=1', '--test-reporter=spec']
const { status } = spawnSync(process.execPath, [...args, ...process.argv.slice(2)], { stdio: 'inherit' })
process.exit(status ?? 1)
