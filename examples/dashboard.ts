import { parseArgs } from 'node:util'
import { firstValueFrom, fromEvent, merge, NEVER, timer } from 'rxjs'
import { Demo } from '../src/dashboard/demo/demo.js'
import { integer, orExit } from './support/args.js'

const HELP = `npm run example -- dashboard [--port N] [--seconds N]

  --port N      where the page is (default 8092; 0: any that is free)
  --seconds N   ends after so long; else Ctrl-C does
`

const { port, seconds } = orExit(() => {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '8092' }, seconds: { type: 'string', default: '0' } },
  })
  return { port: integer('--port', values.port, 0), seconds: integer('--seconds', values.seconds, 0) }
}, HELP)

const demo = await Demo.start({ port })
console.log(`open ${demo.dashboard.url} in a browser; Ctrl-C stops`)
const over$ = seconds === 0 ? NEVER : timer(seconds * 1000)
await firstValueFrom(merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM'), over$))
await demo.close()
console.log(demo.check())
