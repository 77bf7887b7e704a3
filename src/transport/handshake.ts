import { defer, type Observable, of, switchMap } from 'rxjs'
import { BrokerError, ConnectionError } from '../errors.js'
import { brokerError, ErrorCode } from '../protocol/error-codes.js'
import { type ApiVersionsRequest, type ApiVersionsResponse, spokenVersions } from '../protocol/messages/api-versions.js'
import type { Api } from '../protocol/wire/api.js'
import { VERSION } from '../version.js'

export interface VersionRange {
  readonly minVersion: number
  readonly maxVersion: number
}

/** What a broker speaks, by API key. */
export type VersionRanges = ReadonlyMap<number, VersionRange>

interface Requester {
  readonly name: string
  request<Q, S>(api: Api<Q, S>, request: Q, version: number): Observable<S>
}

const REQUEST: ApiVersionsRequest = { clientSoftwareName: 'rx-kafka', clientSoftwareVersion: VERSION }

/**
 * Requests the versions that a broker supports (KIP-35), with the newest version of the request first. A broker that does not know it answers
 * UNSUPPORTED_VERSION, and says which it knows (KIP-511): it is asked again in the newest of those, and so still hears the name and version of
 * this client. Before Kafka 2.4 it says nothing, and is asked in version 0.
 */
export function negotiate(connection: Requester): Observable<VersionRanges> {
  const ask = (version: number): Observable<ApiVersionsResponse> => connection.request(spokenVersions, REQUEST, version)
  return ask(spokenVersions.maxVersion).pipe(
    switchMap(answer => (answer.errorCode === ErrorCode.UNSUPPORTED_VERSION ? ask(newestOf(answer)) : of(answer))),
    switchMap(answer =>
      defer(() => {
        if (answer.errorCode !== ErrorCode.NONE) {
          const cause = new BrokerError(brokerError(answer.errorCode))
          throw new ConnectionError(`the broker at ${connection.name} refused ApiVersions: ${cause.message}`, { cause })
        }
        return of(new Map(answer.apiKeys.map(range => [range.apiKey, range])))
      }),
    ),
  )
}

/** Returns the newest version of ApiVersions that the answer offers, older than the one that was refused. */
function newestOf({ apiKeys }: ApiVersionsResponse): number {
  const offered = apiKeys.find(({ apiKey }) => apiKey === spokenVersions.key)?.maxVersion ?? 0
  return offered > 0 && offered < spokenVersions.maxVersion ? offered : 0
}
