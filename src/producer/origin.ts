import type { TakenRecord } from './taken-record.js'

/** What can't be told from the bytes of a record that is taken out of its batch again: flags. */
export const Origin = {
  /** It named its partition. */
  NAMED: 1,
  /** Its key, or its value, was a string. */
  TEXT_KEY: 2,
  TEXT_VALUE: 4,
} as const

/** @param asked a partitioner was asked, and may be again: it is to get what it got before. */
export function originOf({ partition, key, value }: TakenRecord, asked: boolean): number {
  let origin: number = partition === undefined ? 0 : Origin.NAMED
  if (!asked) return origin
  if (typeof key === 'string') origin |= Origin.TEXT_KEY
  if (typeof value === 'string') origin |= Origin.TEXT_VALUE
  return origin
}
