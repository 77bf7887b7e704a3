import { defer, type Observable, of, switchMap } from 'rxjs'
import { BrokerError, ConnectionError, UnsupportedVersionError } from '../errors.js'
import { brokerError, ErrorCode } from '../protocol/error-codes.js'
import { type ApiVersionsRequest, type ApiVersionsResponse, spokenVersions } from '../protocol/messages/api-versions.js'
import type { Api, ApiInfo } from '../protocol/wire/api.js'
import { VERSION } from '../version.js'

export interface VersionRange {
  readonly minVersion: number
  readonly maxVersion: number
}

/** What a broker speaks. */
export interface Offer {
  /** By API key. */
  readonly versions: ReadonlyMap<number, VersionRange>
  /** The versions of features that are in force in its cluster (KIP-584), by name, such as `transaction.version`. */
  readonly features: ReadonlyMap<string, number>
}

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
export function negotiate(connection: Requester): Observable<Offer> {
  const ask = (version: number): Observable<ApiVersionsResponse> => connection.request(spokenVersions, REQUEST, version)
  return ask(spokenVersions.maxVersion).pipe(
    switchMap(answer => (answer.errorCode === ErrorCode.UNSUPPORTED_VERSION ? ask(newestOf(answer)) : of(answer))),
    switchMap(answer =>
      defer(() => {
        if (answer.errorCode !== ErrorCode.NONE) {
          const cause = new BrokerError(brokerError(answer.errorCode))
          throw new ConnectionError(`the broker at ${connection.name} refused ApiVersions: ${cause.message}`, { cause })
        }
        return of({
          versions: new Map(answer.apiKeys.map(range => [range.apiKey, range])),
          features: new Map(answer.finalizedFeatures.map(({ name, maxVersionLevel }) => [name, maxVersionLevel])),
        })
      }),
    ),
  )
}

/** Returns the newest version of ApiVersions that the answer offers, older than the one that was refused. */
function newestOf({ apiKeys }: ApiVersionsResponse): number {
  const offered = apiKeys.find(({ apiKey }) => apiKey === spokenVersions.key)?.maxVersion ?? 0
  return offered > 0 && offered < spokenVersions.maxVersion ? offered : 0
}

/** Returns the highest version of an API that both sides speak. @throws {UnsupportedVersionError} when there is none. */
export function chooseVersion(api: ApiInfo, offer: Offer | undefined, broker: string): number {
  const range = offer?.versions.get(api.key)
  const version = Math.min(api.maxVersion, range?.maxVersion ?? -1)
  if (range === undefined || version < Math.max(api.minVersion, range.minVersion)) {
    const offered = range === undefined ? 'none' : `${range.minVersion} to ${range.maxVersion}`
    throw new UnsupportedVersionError(
      `${api.name}: this library speaks versions ${api.minVersion} to ${api.maxVersion},` +
        ` the broker at ${broker} offers ${offered}; Kafka 2.1 to 4.x is supported`,
    )
  }
  return version
}
