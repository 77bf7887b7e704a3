import type { Client } from '../state/cluster-state.js'
import type { FaultPart } from '../state/faults.js'

/** What faults make of the partitions of a transactional request. */
export interface PartitionFaults {
  /** The code that the partition is answered with by a fault. */
  codeOf(topic: string, partition: number): number | undefined
  /** Whether a fault keeps the partition's part of the request from being carried out. */
  prevents(topic: string, partition: number): boolean
}

/** Looks for a fault that strikes partitions of a request, and traces it. */
export function partitionFaults(
  { cluster, node, connection }: Client,
  api: 'AddPartitionsToTxn' | 'TxnOffsetCommit',
  transactionalId: string,
  parts: readonly FaultPart[],
): PartitionFaults {
  const struck = cluster.faults.strikeParts({ api, node, parts, transactionalId })
  const fault = struck?.fault
  if (fault === undefined || !('code' in fault)) return { codeOf: () => undefined, prevents: () => false }
  cluster.trace.add({ kind: 'fault', node, connection, fault })
  return {
    codeOf: (topic, partition) => (struck?.strikes(topic, partition) ? fault.code : undefined),
    prevents: (topic, partition) => fault.kind === 'error' && struck?.strikes(topic, partition) === true,
  }
}
