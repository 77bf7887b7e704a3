import { once } from 'node:events'
import { get as getPlainly, type IncomingMessage } from 'node:http'
import { get as getSecurely } from 'node:https'
import { json } from 'node:stream/consumers'
import {
  asyncScheduler,
  catchError,
  defer,
  exhaustMap,
  from,
  map,
  type Observable,
  of,
  type SchedulerLike,
  timer,
} from 'rxjs'
import { describe, KafkaError, printable } from '../../errors.js'
import type { ProducerMetrics } from '../../index.js'
import { topText } from './top-text.js'

/** Where text goes: a terminal, or something else. */
export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

const EVERY_MS = 1_000

/** For an answer. */
const TIMEOUT_MS = 5_000

/** Moves to the first line without clearing the screen, which would flicker. */
const HOME = '\u001b[H'
const CLEAR = '\u001b[2J'
const END_OF_LINE = '\u001b[K'
const END_OF_SCREEN = '\u001b[J'

/**
 * Emits what to write: on a terminal the metrics in place, every second, or why there are none; elsewhere the metrics once. Errors
 * with a {@link KafkaError} if there is no dashboard from the start.
 *
 * @param fetchJson gets a URL's JSON.
 */
export function watchTop(
  url: string,
  screen: Screen,
  fetchJson: (url: URL) => Promise<unknown> = fetchMetrics,
  scheduler: SchedulerLike = asyncScheduler,
): Observable<string> {
  let connected = false
  const read$ = defer(() => from(fetchJson(new URL('/metrics.json', url)))).pipe(
    map(metrics => {
      const text = textOf(metrics, screen)
      connected = true
      return text
    }),
    catchError(error => {
      const why = `there is no dashboard at ${printable(url)}: ${describe(error)}; the application serves one with serveDashboard()`
      if (!connected) throw new KafkaError(why, { cause: error })
      return of(printable(why))
    }),
  )
  if (screen.isTTY !== true) return read$.pipe(map(text => `${text}\n`))
  return timer(0, EVERY_MS, scheduler).pipe(
    exhaustMap(() => read$),
    map(
      (text, i) =>
        `${i === 0 ? CLEAR : ''}${HOME}${text.split('\n').join(`${END_OF_LINE}\n`)}${END_OF_LINE}\n${END_OF_SCREEN}`,
    ),
  )
}

/** The last line of the screen stays free: the cursor is there. */
function textOf(metrics: unknown, { columns = 80, rows = 24 }: Screen): string {
  try {
    return topText(metrics as ProducerMetrics, { columns, rows: rows - 1 })
  } catch (cause) {
    throw new KafkaError('what it answered is not the metrics of a producer', { cause })
  }
}

/** Not `fetch`: of a connection that ends without an answer it tells nothing, and lets the process end. */
async function fetchMetrics(url: URL): Promise<unknown> {
  const get = url.protocol === 'https:' ? getSecurely : getPlainly
  const request = get(url, { agent: false, signal: AbortSignal.timeout(TIMEOUT_MS) })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  if (response.statusCode !== 200) {
    response.destroy()
    throw new KafkaError(`it answered with status ${response.statusCode}`)
  }
  return json(response)
}
