import { EMPTY, firstValueFrom, mergeMap, type Observable, of, throwError } from 'rxjs'
import { BrokerError, ProducerClosedError } from '../errors.js'
import type { ProducerEvent } from './model/events.js'

/**
 * Resolves when there is a producer id: by then a broker has answered, and has accepted the credentials. Rejects with the reason once
 * every address has been tried, but not with an error that a broker calls temporary.
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
