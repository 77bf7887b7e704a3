/**
 * Something that goes wrong, as a plain value: it can be printed, stored and injected again.
 *
 * The first two concern single partitions of a produce request, the others a whole request or its connection.
 */
export type Fault =
  /** The partition is answered with this code, and nothing is appended. */
  | { readonly kind: 'error'; readonly code: number }
  /** The batch is appended, and answered with this code. */
  | { readonly kind: 'errorAfterAppend'; readonly code: number }
  /** The answer, and those behind it, leave so many ms later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The request is carried out; it is never answered, nor is anything else on its connection. */
  | { readonly kind: 'neverAnswer' }
  /** The request is carried out, then the connection is cut. */
  | { readonly kind: 'appendThenDrop' }
  /** The connection is cut, and the request with it. */
  | { readonly kind: 'dropBeforeAppend' }
  /** The connection is cut after so many bytes of the answer. */
  | { readonly kind: 'cutReply'; readonly atByte: number }
  /** The answer asks the client to send nothing for so many ms (KIP-219). */
  | { readonly kind: 'throttle'; readonly ms: number }
  /** The answer to a produce request leaves its first entry out, repeats it, adds one that nobody asked for, or is in reverse. */
  | { readonly kind: 'answerEntries'; readonly change: 'omit' | 'duplicate' | 'invent' | 'reverse' }
  /** These bytes are sent in place of the answer. */
  | { readonly kind: 'hostileBytes'; readonly hex: string }

export interface FaultRule {
  readonly fault: Fault
  /** Which requests: by the name of the API. Default `'Produce'`. */
  readonly api?: string
  readonly node?: number
  readonly topic?: string
  readonly partition?: number
  readonly producerId?: bigint
  /** So many matches pass unharmed first. Default 0. */
  readonly after?: number
  /** How often it strikes. Default 1. */
  readonly times?: number
}

/** A rule that was injected. */
export interface InjectedFault {
  readonly rule: FaultRule
  /** How often it has struck. */
  readonly fired: number
  /** It strikes no more. */
  remove(): void
}

/** What a rule is compared with: a request, or one partition of it. */
export interface FaultTarget {
  readonly api: string
  readonly node: number
  readonly parts: readonly { readonly topic: string; readonly partition: number; readonly producerId: bigint }[]
}

type Scope = 'partition' | 'request'

function scopeOf(fault: Fault): Scope {
  return fault.kind === 'error' || fault.kind === 'errorAfterAppend' ? 'partition' : 'request'
}

/** Decides which fault strikes what. */
export class FaultPlan {
  readonly #rules = new Set<Rule>()

  inject(rule: FaultRule): InjectedFault {
    const injected = new Rule(rule, () => this.#rules.delete(injected))
    this.#rules.add(injected)
    return injected
  }

  clear(): void {
    this.#rules.clear()
  }

  /** The fault that strikes this target now, if any; of several, the one that was injected first. */
  strike(scope: Scope, target: FaultTarget): Fault | undefined {
    for (const rule of this.#rules) {
      if (scopeOf(rule.rule.fault) === scope && rule.matches(target) && rule.comesDue()) return rule.rule.fault
    }
    return undefined
  }
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
    const { api = 'Produce', node, topic, partition, producerId } = this.rule
    if (api !== target.api || (node !== undefined && node !== target.node)) return false
    if (topic === undefined && partition === undefined && producerId === undefined) return true
    return target.parts.some(
      part =>
        (topic === undefined || topic === part.topic) &&
        (partition === undefined || partition === part.partition) &&
        (producerId === undefined || producerId === part.producerId),
    )
  }

  comesDue(): boolean {
    const { after = 0, times = 1 } = this.rule
    if (this.#fired >= times || ++this.#seen <= after) return false
    this.#fired++
    return true
  }
}
