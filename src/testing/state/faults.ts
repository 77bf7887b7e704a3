/**
 * Something that goes wrong, as a plain value: it can be printed, stored as JSON and injected again.
 *
 * The first two concern single partitions of a Produce, AddPartitionsToTxn, TxnOffsetCommit or OffsetFetch request; everything else concerns a
 * whole request and its connection.
 */
export type Fault =
  /**
   * The partition is answered with this code, and nothing is appended. Requests without partitions are answered with it as a whole
   * and not carried out, as are Fetch, ListOffsets, CreateTopics and Metadata. AddPartitionsToTxn and TxnOffsetCommit are struck once:
   * the partitions that the rule names have this code, or all if it names none. If one partition of AddPartitionsToTxn fails, none is
   * added, and the others have OPERATION_NOT_ATTEMPTED. OffsetFetch is answered with it as a whole, without offsets, unless the rule names
   * a topic or a partition: then those have it.
   * REBOOTSTRAP_REQUIRED (129) is the error of a Metadata response as a whole, from version 13 on (KIP-1102).
   *
   * `recordErrors` blames records of the batch (KIP-467), rightly or not. From Produce 8 on.
   */
  | { readonly kind: 'error'; readonly code: number; readonly recordErrors?: readonly NamedRecord[] }
  /** The batch is appended, or the transactional request carried out, and answered with this code. */
  | { readonly kind: 'errorAfterAppend'; readonly code: number }
  /** The answer, and those behind it, leave so many ms later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The request is carried out; it is never answered, nor is anything else on its connection. */
  | { readonly kind: 'neverAnswer' }
  /** The request is carried out, then the connection is cut; answers that were still to leave are lost too. */
  | { readonly kind: 'appendThenDrop' }
  /** The connection is cut, and the request with it. */
  | { readonly kind: 'dropBeforeAppend' }
  /** The request is carried out; the connection ends after so many bytes of the answer, its size included. */
  | { readonly kind: 'cutReply'; readonly atByte: number }
  /**
   * The request, and what has come behind it by then, is carried out so many ms later: even if the connection has ended
   * meanwhile, as with what a broker had received already. Only the node's end prevents it.
   */
  | { readonly kind: 'carryOutLate'; readonly ms: number }
  /** The answer asks the client to send nothing for so many ms, and the broker hears nothing for so long (KIP-219). */
  | { readonly kind: 'throttle'; readonly ms: number }
  /** The answer to a produce request leaves its first entry out, repeats it, adds one that nobody asked for, or is in reverse. */
  | { readonly kind: 'answerEntries'; readonly change: 'omit' | 'duplicate' | 'invent' | 'reverse' }
  /** The request is carried out; these bytes are sent in place of the answer, and the connection goes on. */
  | { readonly kind: 'hostileBytes'; readonly hex: string }
  /** The markers of the transaction that this EndTxn ends are written so many ms later: CONCURRENT_TRANSACTIONS until then. */
  | { readonly kind: 'slowMarkers'; readonly ms: number }
  /**
   * The answer to a metadata request names the leaders before the last move of each partition. It describes a topic that was
   * deleted, and perhaps recreated, as it was before.
   */
  | { readonly kind: 'staleMetadata' }
  /** From this request on, until it ends, the connection is read no faster than this. */
  | { readonly kind: 'slowDrain'; readonly bytesPerSecond: number }

/** A record that is to blame, by its index in the batch, and why. */
export interface NamedRecord {
  /** Its place in the batch, from 0. */
  readonly index: number
  /** What the broker says of it. Default: nothing. */
  readonly message?: string
}

/** Which requests a fault applies to, and how often. */
export interface FaultRule {
  /** What goes wrong. */
  readonly fault: Fault
  /** Which requests: by the name of the API. Default `'Produce'`. */
  readonly api?: string
  /** Requests to this node. */
  readonly node?: number
  /** Requests that name this topic. */
  readonly topic?: string
  /** Requests that name this partition. */
  readonly partition?: number
  /** Produce requests with a batch of this producer. A number is accepted, too, because JSON has no bigint. */
  readonly producerId?: bigint | number
  /** Requests of this transactional id, FindCoordinator and Produce among them. */
  readonly transactionalId?: string
  /** How many matching requests pass first; those that another rule applies to are not counted. Default 0. */
  readonly after?: number
  /** How often it applies; `Infinity`: for ever. Default 1. */
  readonly times?: number
}

/** A rule that was injected. */
export interface InjectedFault {
  /** The rule as it was injected. */
  readonly rule: FaultRule
  /** How often it has applied. */
  readonly fired: number
  /** Removes the rule. */
  remove(): void
}

/** What a rule is compared with: a request, or one partition of it. */
export interface FaultTarget {
  readonly api: string
  readonly node: number
  readonly parts: readonly FaultPart[]
  readonly transactionalId?: string | null
}

/** What a request names; a request for metadata names topics only. */
export interface FaultPart {
  readonly topic: string
  readonly partition?: number
  readonly producerId?: bigint
}

type Scope = 'partition' | 'request'

/** The APIs that write, of which single partitions can fail. */
const WRITES = ['Produce', 'AddPartitionsToTxn', 'TxnOffsetCommit']
const WITH_PARTITIONS = [...WRITES, 'OffsetFetch']

/** Further APIs whose answers can be errors without a trace of the request. */
const CAN_FAIL = [
  'AddOffsetsToTxn',
  'ApiVersions',
  'CreateTopics',
  'EndTxn',
  'Fetch',
  'FindCoordinator',
  'InitProducerId',
  'ListOffsets',
  'Metadata',
]

/** What faults can strike that don't mean something for every API. */
const ONLY: ReadonlyMap<Fault['kind'], readonly string[]> = new Map([
  ['error', [...WITH_PARTITIONS, ...CAN_FAIL]],
  ['errorAfterAppend', [...WRITES, 'AddOffsetsToTxn', 'EndTxn', 'InitProducerId']],
  ['answerEntries', ['Produce']],
  ['staleMetadata', ['Metadata']],
  ['slowMarkers', ['EndTxn']],
])

function scopeOf({ fault, api = 'Produce' }: FaultRule): Scope {
  const single = fault.kind === 'error' || fault.kind === 'errorAfterAppend'
  return single && WITH_PARTITIONS.includes(api) ? 'partition' : 'request'
}

/** Decides which fault strikes what. */
export class FaultPlan {
  readonly #rules = new Set<Rule>()

  /** @throws RangeError when the rule could never strike, or holds a value that means nothing. */
  inject(rule: FaultRule): InjectedFault {
    check(rule)
    const injected = new Rule(rule, () => this.#rules.delete(injected))
    this.#rules.add(injected)
    return injected
  }

  /** The fault that strikes this target now, if any; of several, the one that was injected first. */
  strike(scope: Scope, target: FaultTarget): Fault | undefined {
    for (const rule of this.#rules) {
      if (scopeOf(rule.rule) === scope && rule.matches(target) && rule.comesDue()) return rule.rule.fault
    }
    return undefined
  }

  /** The fault that strikes a request once for all its partitions, and those that its rule names: all, if it names none. */
  strikeParts(target: FaultTarget): Struck | undefined {
    for (const rule of this.#rules) {
      if (scopeOf(rule.rule) !== 'partition' || !rule.matches(target) || !rule.comesDue()) continue
      return {
        fault: rule.rule.fault,
        namesParts: rule.rule.topic !== undefined || rule.rule.partition !== undefined,
        strikes: (topic, partition) => rule.matches({ ...target, parts: [{ topic, partition }] }),
      }
    }
    return undefined
  }
}

/** A fault of some partitions of a request. */
export interface Struck {
  readonly fault: Fault
  /** Whether the rule names a topic or a partition. */
  readonly namesParts: boolean
  strikes(topic: string, partition: number): boolean
}

class Rule implements InjectedFault {
  readonly rule: FaultRule
  readonly remove: () => void
  #seen = 0
  #fired = 0

  constructor(rule: FaultRule, remove: () => void) {
    this.rule = rule
    this.remove = remove
  }

  get fired(): number {
    return this.#fired
  }

  matches(target: FaultTarget): boolean {
    const { api = 'Produce', node, topic, partition, producerId, transactionalId } = this.rule
    if (api !== target.api || (node !== undefined && node !== target.node)) return false
    if (transactionalId !== undefined && transactionalId !== target.transactionalId) return false
    if (topic === undefined && partition === undefined && producerId === undefined) return true
    return target.parts.some(
      part =>
        (topic === undefined || topic === part.topic) &&
        (partition === undefined || partition === part.partition) &&
        (producerId === undefined || BigInt(producerId) === part.producerId),
    )
  }

  comesDue(): boolean {
    const { after = 0, times = 1 } = this.rule
    if (this.#fired >= times || ++this.#seen <= after) return false
    this.#fired++
    return true
  }
}

function check({ fault, api = 'Produce', after = 0, times = 1 }: FaultRule): void {
  const { kind } = fault
  const able = ONLY.get(kind) ?? [api]
  if (!able.includes(api)) throw new RangeError(`fault '${kind}' can't strike ${api}, only ${able.join(', ')}`)
  const wanted = (name: string, value: number, min: number, max = Number.POSITIVE_INFINITY): void => {
    if (Number.isInteger(value) && value >= min && value <= max) return
    const range = max === Number.POSITIVE_INFINITY ? min : `${min} to ${max}`
    throw new RangeError(`\`${name}\` of fault '${kind}' is ${value}, but it must be an integer from ${range}`)
  }
  wanted('after', after, 0)
  if (times !== Number.POSITIVE_INFINITY) wanted('times', times, 1)
  if ('ms' in fault) wanted('ms', fault.ms, 0, 2 ** 31 - 1)
  if ('atByte' in fault) wanted('atByte', fault.atByte, 0)
  if ('bytesPerSecond' in fault) wanted('bytesPerSecond', fault.bytesPerSecond, 1)
  if (kind === 'error' && fault.recordErrors !== undefined) {
    if (api !== 'Produce') throw new RangeError(`\`recordErrors\` of fault 'error' can't strike ${api}, only Produce`)
    for (const { index } of fault.recordErrors) wanted('recordErrors', index, -(2 ** 31), 2 ** 31 - 1)
  }
  if ('hex' in fault && !/^([0-9a-f]{2})*$/i.test(fault.hex)) {
    throw new RangeError(`\`hex\` of fault '${kind}' is '${fault.hex}', but it must be pairs of hexadecimal digits`)
  }
}
