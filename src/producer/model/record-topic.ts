/** Returns the topic of a record that may be anything, for a message or an ack about it; never throws. */
export function topicOf(record: unknown): string {
  try {
    return String((record as { topic?: unknown } | null | undefined)?.topic ?? '')
  } catch {
    // A getter or a toString() that throws.
    return ''
  }
}
