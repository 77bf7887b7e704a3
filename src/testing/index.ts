/**
 * Kafka brokers inside your process, on real sockets or in virtual time, for tests. Begin with {@link startCluster}.
 *
 * @module
 */
export type { RecordBatch } from '../protocol/records/record-batch.js'
export { type Isolation, startCluster, type TestCluster, type TransactionInfo } from './cluster.js'
export { MemoryNetwork, type MemoryNetworkOptions } from './network/memory-network.js'
export type { Listening, Network, ServerListener, ServerSocket } from './network/network.js'
export type { ClusterSslOptions } from './network/tcp-network.js'
export type { ClusterSaslOptions } from './sasl/sasl.js'
export type { Exchange, SaslMechanismName, Step } from './sasl/sasl-mechanisms.js'
export type { Fault, FaultRule, InjectedFault, NamedRecord } from './state/faults.js'
export type { CommittedOffset } from './state/group-offsets.js'
export type { StoredRecord } from './state/log.js'
export type { ClusterOptions } from './state/options.js'
export type { SentBatch } from './state/peek.js'
export type { TopicOptions } from './state/topics.js'
export type { Depth, TraceEntry } from './state/trace.js'
export type { TransactionState } from './state/transaction.js'
export { VirtualTime } from './virtual-time.js'
