import { lastValueFrom, takeUntil, tap } from 'rxjs'
import { UsageError } from '../errors.js'
import type { Command } from './command.js'
import { DEFAULT_PORT } from './dashboard.js'

const DEFAULT_URL = `http://127.0.0.1:${DEFAULT_PORT}`

/** `rx-kafka top`: the metrics of an application that serves a dashboard. */
export const top: Command = {
  spec: {
    name: 'top',
    summary: "shows an application's producer in the terminal: brokers, their windows, and partitions",
    usage: '[flags]',
    groups: [
      {
        title: 'Flags',
        flags: [{ name: 'url', value: 'URL', help: `where the application serves its dashboard (${DEFAULT_URL})` }],
      },
    ],
    examples: [
      ['an application with serveDashboard(producer, { port: 8092 })', 'rx-kafka top'],
      ['once, for a file', 'rx-kafka top --url http://127.0.0.1:9000 >metrics.txt'],
    ],
  },
  async run(flags, { stdout, interrupts$ }) {
    // Only now: the other commands start sooner without it.
    const { watchTop } = await import('../../dashboard/top/watch-top.js')
    const written$ = watchTop(urlOf(flags.text('url') ?? DEFAULT_URL), stdout).pipe(
      tap(text => stdout.write(text)),
      takeUntil(interrupts$),
    )
    await lastValueFrom(written$, { defaultValue: '' })
    return 0
  },
}

function urlOf(text: string): string {
  const url = /^https?:\/\//.test(text) ? text : `http://${text}`
  if (!URL.canParse(url)) throw new UsageError(`--url must be a URL such as ${DEFAULT_URL}, not '${text}'`)
  return url
}
