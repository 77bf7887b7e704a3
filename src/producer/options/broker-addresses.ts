import { isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'
import type { BootstrapList } from '../../cluster/bootstrap.js'
import { ConnectionError, describe } from '../../errors.js'
import type { Address } from '../../transport/transport.js'
import { invalid } from './rules.js'

const ENTRY = "'host:port'"
const NAME_RULE =
  "a host name is at most 253 letters, digits, '.', '-' and '_', with at most 63 from one '.' to the next"

/**
 * Reads the option `brokers`: a list of host, host:port, [IPv6] or [IPv6]:port, or a function that returns one.
 *
 * @throws {InvalidArgumentError} naming the entry and the rule that it breaks: an invalid host would be looked up for ever. What a
 * function returns is checked when it is called, by the same rules.
 */
export function readBrokers(brokers: unknown): BootstrapList {
  if (typeof brokers !== 'function') return parseList(brokers, 'is')
  return async () => {
    let list: unknown
    try {
      list = await brokers()
    } catch (cause) {
      throw new ConnectionError(`option \`brokers\`, a function, failed: ${describe(cause)}`, { cause })
    }
    return parseList(list, 'returned')
  }
}

type Verb = 'is' | 'returned'

function parseList(brokers: unknown, verb: Verb): Address[] {
  if (!Array.isArray(brokers) || brokers.length === 0) {
    const functions = verb === 'is' ? ', or a function that returns one' : ''
    throw invalid('brokers', withoutSecrets(brokers), `must be a non-empty array of ${ENTRY}${functions}`, verb)
  }
  return brokers.map(entry => parseBroker(entry, verb))
}

function parseBroker(entry: unknown, verb: Verb): Address {
  const refuse = (rule: string): Error =>
    invalid('brokers', withoutSecrets(entry), `must be an array of ${ENTRY}, and ${rule}`, verb)
  if (typeof entry !== 'string') throw refuse('each is a string')
  // Node compiles a large expression at the first call of isIPv6().
  if (/:.*:/s.test(entry) && isIPv6(entry)) throw refuse("an IPv6 address needs brackets, such as '[::1]:9092'")
  if (entry.includes('://')) throw refuse("each is written without a scheme such as 'kafka://'")
  const [, ipv6, name, digits = '9092'] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/s.exec(entry) ?? []
  if (ipv6 === undefined && !isHostName(name ?? '')) throw refuse(NAME_RULE + hint(entry))
  if (ipv6 !== undefined && !isIPv6(ipv6)) throw refuse('brackets may hold only an IPv6 address')
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0
  if (port < 1 || port > 65535) throw refuse(`a port is a number from 1 to 65535${hint(entry)}`)
  return { host: ipv6 ?? name!, port }
}

/** Hides text before an `@`, or behind a `?`: it may be a password. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets)
  return typeof value === 'string' ? value.replace(/^.*@/s, '…@').replace(/\?.*$/s, '?…') : value
}

/** Whether DNS can carry its labels. Underscores are not valid in host names, but common in container networks. */
function isHostName(name: string): boolean {
  const isAscii = /^[\w.-]+$/.test(name)
  if (!isAscii && !/^[\p{L}\p{M}\p{N}._-]+$/u.test(name)) return false
  // International letters are resolved in their ASCII form, which is longer.
  const ascii = isAscii ? name : domainToASCII(name)
  const labels = ascii.replace(/\.$/, '').split('.')
  return ascii.length <= 253 && labels.every(label => label.length >= 1 && label.length <= 63)
}

function hint(entry: string): string {
  return /[,;\s]/.test(entry) ? "; several brokers are several strings, such as ['a:9092', 'b:9092']" : ''
}
