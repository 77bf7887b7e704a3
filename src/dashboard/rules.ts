/** The rules of the window (ARCHITECTURE.md has what keeps each of them), by their numbers from 1. */
export const RULES = [
  'Each broker has one window.',
  'A request leaves the queue only when a slot is free.',
  'An attempt writes its request at once, and ends with exactly one result.',
  'Results are handled in the order in which requests were sent.',
  'Retries go back to the front of the queue, never straight into the window.',
  'Nothing goes to a new leader while the old one owes a response.',
  'One request goes alone until the leader has stored a batch.',
  'A batch gets its sequence when its request is built, and keeps it.',
  'A batch without a response may be stored, so it is sent again unchanged; the broker drops duplicates.',
  'A new epoch never renumbers a batch that may be stored.',
] as const
