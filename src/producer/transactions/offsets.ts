import { InvalidArgumentError } from '../../errors.js'
import { checkOptions, integer, invalid, type Rules, shape } from '../options/rules.js'

/** A member of a consumer group, as the consumer describes itself: its coordinator refuses offsets of a member that has been replaced. */
export interface GroupMetadata {
  /** The group's id (`group.id`). */
  readonly groupId: string
  /** The member's id in the group. Default: not checked, so offsets are stored whoever owns the partitions. */
  readonly memberId?: string | undefined
  /** The generation of the group in which the member joined. Default: not checked. */
  readonly generationId?: number | undefined
  /** The id of a static member (`group.instance.id`, KIP-345). Default: none. */
  readonly groupInstanceId?: string | null | undefined
}

/** How far a group has read a partition: the offset of the next record. */
export interface TopicPartitionOffset {
  /** The topic's name. */
  readonly topic: string
  /** The partition, from 0. */
  readonly partition: number
  /** The offset of the next record to read. A string of digits is accepted, too, as kafkajs has it. */
  readonly offset: bigint | number | string
  /** The epoch of the leader that the record was read from (KIP-320). Default: not told. */
  readonly leaderEpoch?: number | undefined
  /** Text that is stored beside the offset. Default: none. */
  readonly metadata?: string | null | undefined
}

/** {@link GroupMetadata} with its defaults. */
export type GroupMember = { readonly [K in keyof Required<GroupMetadata>]: Exclude<GroupMetadata[K], undefined> }

/** {@link TopicPartitionOffset} with its defaults. */
export interface GroupOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly leaderEpoch: number
  readonly metadata: string | null
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isOptionalText = (value: unknown): boolean => value === null || typeof value === 'string'

const GROUP_RULES: Rules<GroupMetadata> = {
  groupId: shape('a non-empty string', isText),
  memberId: shape('a string', value => typeof value === 'string'),
  generationId: integer(-1),
  groupInstanceId: shape('a string or null', isOptionalText),
}

const OFFSET_RULES: Rules<TopicPartitionOffset> = {
  topic: shape('a non-empty string', isText),
  partition: integer(0),
  offset: shape('a whole number from 0, as a bigint, a number or digits', isOffset),
  leaderEpoch: integer(-1),
  metadata: shape('a string or null', isOptionalText),
}

/** @throws {InvalidArgumentError} naming the field, its value and the rule that it breaks. */
export function readGroup(group: string | GroupMetadata): GroupMember {
  const given = checkOptions('sendOffsets', typeof group === 'string' ? { groupId: group } : group, GROUP_RULES)
  if (given.groupId === undefined) throw invalid('groupId', given.groupId, GROUP_RULES.groupId.text)
  return {
    groupId: given.groupId,
    memberId: given.memberId ?? '',
    generationId: given.generationId ?? -1,
    groupInstanceId: given.groupInstanceId ?? null,
  }
}

/** @throws {InvalidArgumentError} naming the field, its value and the rule that it breaks. */
export function readOffsets(offsets: Iterable<TopicPartitionOffset>): GroupOffset[] {
  if (typeof offsets !== 'object' || offsets === null || !(Symbol.iterator in offsets)) {
    throw new InvalidArgumentError(
      'sendOffsets() expects offsets as an array of { topic, partition, offset }, the offset of the next record to read',
    )
  }
  return Array.from(offsets, one => {
    const given = checkOptions('sendOffsets', one, OFFSET_RULES)
    for (const name of ['topic', 'partition', 'offset'] as const) {
      if (given[name] === undefined) throw invalid(name, given[name], OFFSET_RULES[name].text)
    }
    return {
      topic: given.topic,
      partition: given.partition,
      offset: BigInt(given.offset),
      leaderEpoch: given.leaderEpoch ?? -1,
      metadata: given.metadata ?? null,
    }
  })
}

function isOffset(value: unknown): boolean {
  if (typeof value === 'bigint') return value >= 0n
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0
  return typeof value === 'string' && /^\d{1,19}$/.test(value)
}
