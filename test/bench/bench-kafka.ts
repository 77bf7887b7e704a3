/** Apache Kafka for benchmarks: as in production, where the tests' own cluster saves time on short-lived brokers. */
import { fetchJars } from '../kafka/jars.js'
import { KafkaCluster } from '../kafka/kafka-cluster.js'

const JVM = ['-Xmx1g', '-XX:-UseSerialGC', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-XX:TieredStopAtLevel=4']
/** Segments are deleted soon, so that a long benchmark does not fill the disk. */
const PROPERTIES = {
  'log.segment.bytes': 64 << 20,
  'log.retention.bytes': 128 << 20,
  'log.retention.check.interval.ms': 1_000,
  'log.segment.delete.delay.ms': 1_000,
  // Batches of 1 MiB, and their headers.
  'message.max.bytes': 2 << 20,
}

export function startKafka(version: string, nodes = 1): Promise<KafkaCluster> {
  fetchJars(version)
  return KafkaCluster.start({ version, nodes, jvm: JVM, properties: PROPERTIES })
}
