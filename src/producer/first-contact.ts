import { EMPTY, firstValueFrom, mergeMap, type Observable, of, throwError } from 'rxjs'
import { BootstrapError, BrokerError, ProducerClosedError } from '../errors.js'
import type { ProducerEvent } from './events.js'

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

/** Whoever does not look at events learns of the first round in which no address could be reached by a warning of the process. */
export class UnreachableWarning {
  readonly #observed: () => boolean
  #first = true

  constructor(observed: () => boolean) {
    this.#observed = observed
  }

  told(error: Error): void {
    if (!(error instanceof BootstrapError) || !this.#first) return
    this.#first = false
    if (this.#observed()) return
    process.emitWarning(`rx-kafka: ${error.message}\nIt goes on trying; producer.events$ tells what happens.`, {
      code: 'RX_KAFKA_UNREACHABLE',
    })
  }
}
