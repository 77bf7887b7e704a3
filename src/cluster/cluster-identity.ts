import { map, type Observable, Subject } from 'rxjs'
import { OtherClusterError, printable } from '../errors.js'
import { leaderMetadata, type MetadataRequest } from '../protocol/metadata.js'
import type { Connection } from '../transport/connection.js'

/** Any broker answers it, whatever this client may see, and creates nothing. */
const NO_TOPICS: MetadataRequest = {
  topics: [],
  allowAutoTopicCreation: false,
  includeClusterAuthorizedOperations: false,
  includeTopicAuthorizedOperations: false,
}

/**
 * Which cluster a producer writes to: the one of the broker that has said so first. Every connection asks before it is used
 * for anything else, for an address may lead to another cluster, by a stale DNS entry or because it was given away: a record
 * that is acked there is lost here.
 */
export class ClusterIdentity {
  /** Tells of each connection that leads to another cluster: whoever asked goes on with the next address, and says nothing. */
  readonly others$: Observable<OtherClusterError>
  readonly #others = new Subject<OtherClusterError>()
  #held: { readonly clusterId: string; readonly address: string } | undefined

  constructor() {
    this.others$ = this.#others.asObservable()
  }

  /** Emits once when the connection may be used; errors with an OtherClusterError when its broker is of another cluster. */
  admit(connection: Connection): Observable<void> {
    return connection
      .request(leaderMetadata, NO_TOPICS)
      .pipe(map(({ clusterId }) => this.#check(clusterId, connection)))
  }

  #check(clusterId: string | null, { name }: Connection): void {
    // A cluster that is being formed, or another implementation than Apache's, may have no id.
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
