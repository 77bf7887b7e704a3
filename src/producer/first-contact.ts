import { EMPTY, firstValueFrom, mergeMap, type Observable, of, throwError } from 'rxjs'
import { BootstrapError, BrokerError, OtherClusterError, ProducerClosedError } from '../errors.js'
import type { ProducerEvent } from './model/events.js'

/**
 * Resolves when a producer id is had: then a broker has answered, and has accepted who this is. Rejects with what stands in
 * the way when every address has been tried; an error that a broker says will pass does not count.
 */
export function firstContact(events$: Observable<ProducerEvent>): Promise<unknown> {
  const outcome = (event: ProducerEvent): Observable<unknown> => {
    switch (event.kind) {
      case 'producerId':
        return of(undefined)
      case 'producerIdFailed':
        return event.error instanceof BrokerError ? EMPTY : throwError(() => event.error)
      case 'fatal':
        return throwError(() => event.error)
      case 'closed':
        return throwError(() => new ProducerClosedError('the producer was closed'))
      default:
        return EMPTY
    }
  }
  return firstValueFrom(events$.pipe(mergeMap(outcome)))
}

/** Process warnings for users who do not observe `events$`, each at most once. */
export class Warnings {
  readonly #observed: () => boolean
  readonly #told = new Set<string>()

  /** @param observed whether somebody looks at events. */
  constructor(observed: () => boolean) {
    this.#observed = observed
  }

  about(error: Error): void {
    const code = codeOf(error)
    if (this.#observed() || code === undefined || this.#told.has(code)) return
    this.#told.add(code)
    process.emitWarning(`rx-kafka: ${error.message}\nIt goes on trying; producer.events$ tells what happens.`, { code })
  }
}

function codeOf(error: Error): string | undefined {
  if (error instanceof BootstrapError) return 'RX_KAFKA_UNREACHABLE'
  return error instanceof OtherClusterError ? 'RX_KAFKA_OTHER_CLUSTER' : undefined
}
