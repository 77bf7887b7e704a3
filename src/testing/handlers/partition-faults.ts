import type { Client } from '../state/cluster-state.js'
import type { FaultPart } from '../state/faults.js'

/** What faults make of the partitions of a transactional request. */
export interface PartitionFaults {
  /** The code of a fault that names no partition. */
  readonly ofAll: number | undefined
  /** The code that the partition is answered with by a fault. */
  codeOf(topic: string, partition: number): number | undefined
  /** Whether a fault keeps the partition's part of the request from being carried out. */
  prevents(topic: string, partition: number): boolean
}

const NO_FAULTS: PartitionFaults = { ofAll: undefined, codeOf: () => undefined, prevents: () => false }

/** Looks for a fault that strikes partitions of a request, and traces it. */
export function partitionFaults(
  { cluster, node, connection }: Client,
  api: 'AddPartitionsToTxn' | 'TxnOffsetCommit' | 'OffsetFetch',
  transactionalId: string | null,
  parts: readonly FaultPart[],
): PartitionFaults {
  const struck = cluster.faults.strikeParts({ api, node, parts, transactionalId })
  const fault = struck?.fault
  if (fault === undefined || !('code' in fault)) return NO_FAULTS
  cluster.trace.add({ kind: 'fault', node, connection, fault })
  return {
    ofAll: struck?.namesParts ? undefined : fault.code,
    codeOf: (topic, partition) => (struck?.strikes(topic, partition) ? fault.code : undefined),
    prevents: (topic, partition) => fault.kind === 'error' && struck?.strikes(topic, partition) === true,
  }
}
