import { firstValueFrom } from 'rxjs'
import type { Command } from './command.js'

/** Where the page is, unless a flag says otherwise. */
export const DEFAULT_PORT = 8092

/** `rx-kafka dashboard`: the demonstration. */
export const dashboard: Command = {
  spec: {
    name: 'dashboard',
    summary: 'shows the in-flight windows of a producer in a browser, in slow motion, with faults to inject',
    usage: '[flags]',
    groups: [
      {
        title: 'Flags',
        flags: [
          { name: 'port', value: 'N', help: `where the page is; 0: any port that is free (${DEFAULT_PORT})` },
          { name: 'host', value: 'H', help: 'the address to listen at (127.0.0.1)' },
          { name: 'quiet', help: 'nothing happens before a button is pressed' },
        ],
      },
    ],
    examples: [['a producer and three brokers in this process, and a page that shows them', 'rx-kafka dashboard']],
  },
  async run(flags, { stdout, interrupts$ }) {
    const host = flags.text('host')
    const port = flags.wholeNumber('port', 0, 65_535) ?? DEFAULT_PORT
    const interrupted = firstValueFrom(interrupts$)
    // Only now: the other commands start sooner without it.
    const { Demo } = await import('../../dashboard/demo/demo.js')
    const demo = await Demo.start({ port, ...(host !== undefined && { host }), story: !flags.isSet('quiet') })
    stdout.write(`open ${demo.dashboard.url} in a browser; Ctrl-C stops\n`)
    await interrupted
    await demo.close()
    return 0
  },
}
