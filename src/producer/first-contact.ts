import { EMPTY, firstValueFrom, mergeMap, type Observable, of, throwError } from 'rxjs'
import { BrokerError, ProducerClosedError } from '../errors.js'
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
