import { parseArgs } from 'node:util'
import { Demo } from '../src/dashboard/demo/demo.js'
import { integer, orExit } from './support/args.js'

const HELP = `npm run example -- dashboard [--port N]

  --port N   where the page is (default 8092; 0: any that is free)
`

const port = orExit(() => {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '8092' } } })
  return integer('--port', values.port, 0)
}, HELP)

await using demo = await Demo.start({ port })
console.log(`open ${demo.dashboard.url} in a browser; Ctrl-C stops`)
await new Promise<void>(stop => {
  process.once('SIGINT', () => stop())
  process.once('SIGTERM', () => stop())
})
