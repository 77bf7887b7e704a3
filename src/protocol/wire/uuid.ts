/** The uuid that stands for "none" in Kafka, and for a topic id in versions that have none. Shared: do not write to it. */
export const ZERO_UUID: Buffer = Buffer.alloc(16)
