import { map, type Observable, Subject } from 'rxjs'
import { BrokerError, ConnectionError, OtherClusterError, printable } from '../errors.js'
import { brokerError, ErrorCode } from '../protocol/error-codes.js'
import { type LeaderMetadata, leaderMetadata, type MetadataRequest } from '../protocol/messages/metadata.js'
import type { Connection } from '../transport/connection.js'

/** Any broker answers this request, whatever the client is authorized to see, and it creates no topic. */
const NO_TOPICS: MetadataRequest = {
  topics: [],
  allowAutoTopicCreation: false,
  includeClusterAuthorizedOperations: false,
  includeTopicAuthorizedOperations: false,
}

/**
 * The cluster that a producer writes to: the first one that a broker names. Every connection asks for the cluster id before it is
 * used for anything else. An address may lead to another cluster, through a stale DNS entry or because it was reassigned, and a
 * record acked there would be missing here.
 */
export class ClusterIdentity {
  /** Emits for each connection to another cluster. The request that needed it silently goes to the next address. */
  readonly others$: Observable<OtherClusterError>
  readonly #others = new Subject<OtherClusterError>()
  #held: { readonly clusterId: string; readonly address: string } | undefined

  constructor() {
    this.others$ = this.#others.asObservable()
  }

  /** Emits once when the connection may be used; errors with an OtherClusterError when its broker is of another cluster. */
  admit(connection: Connection): Observable<void> {
    return connection.request(leaderMetadata, NO_TOPICS).pipe(map(answer => this.#check(answer, connection)))
  }

  #check({ clusterId, errorCode }: LeaderMetadata, { name }: Connection): void {
    if (errorCode !== ErrorCode.NONE) {
      const cause = new BrokerError(brokerError(errorCode))
      throw new ConnectionError(`the broker at ${name} refused Metadata: ${cause.message}`, { cause })
    }
    // A cluster that is still forming may have no id, and so may brokers other than Apache Kafka.
    if (clusterId === null) return
    this.#held ??= { clusterId, address: name }
    const { clusterId: held, address } = this.#held
    if (clusterId === held) return
    const error = new OtherClusterError(
      `the broker at ${name} is of cluster '${printable(clusterId)}', and this producer writes to cluster '${printable(held)}',` +
        ` of which ${address} answered first; check which cluster the addresses of option \`brokers\` lead to:` +
        ' a producer stays with one, and another cluster needs another producer',
    )
    this.#others.next(error)
    throw error
  }
}
