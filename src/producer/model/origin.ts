import type { TakenRecord } from './taken-record.js'

/** Flags for what a record's encoded bytes do not show, needed when it is taken out of its batch. */
export const Origin = {
  /** It named its partition. */
  NAMED: 1,
  /** Its key, or its value, was a string. */
  TEXT_KEY: 2,
  TEXT_VALUE: 4,
} as const

/** @param asked whether there is a custom partitioner, which must receive the same types if it is called again. */
export function originOf({ partition, key, value }: TakenRecord, asked: boolean): number {
  let origin: number = partition === undefined ? 0 : Origin.NAMED
  if (!asked) return origin
  if (typeof key === 'string') origin |= Origin.TEXT_KEY
  if (typeof value === 'string') origin |= Origin.TEXT_VALUE
  return origin
}
