/** The uuid that means "none" in Kafka, and a topic id in versions without ids. Shared: do not write to it. */
export const ZERO_UUID: Buffer = Buffer.alloc(16)
