import type { ProducerRecord } from '../../src/producer/record.js'
import { TakenRecord } from '../../src/producer/taken-record.js'

/** A record as the producer takes it; throws if it cannot be sent. */
export function taken(record: ProducerRecord): TakenRecord {
  const taken = new TakenRecord()
  const fault = taken.read(record)
  if (fault !== undefined) throw fault
  return taken
}
