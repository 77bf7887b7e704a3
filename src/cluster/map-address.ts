import { inspect } from 'node:util'
import { describe } from '../errors.js'
import type { Address, Destination } from '../transport/transport.js'

/** The option `mapAddress`. */
export type AddressMapping = (
  host: string,
  port: number,
  nodeId: number,
) => { readonly host: string; readonly port: number } | undefined

/**
 * Returns where a broker of metadata is reached. A mapping is the user's code: where it fails, the result is a destination that nobody
 * can be reached at, for a reason that every attempt reports.
 */
export function mapAddress(address: Address, nodeId: number, mapping: AddressMapping | undefined): Destination {
  const { host, port } = address
  const failed = (what: string): Destination => ({
    ...address,
    fault: `option \`mapAddress\` ${what} for broker ${nodeId}`,
  })
  try {
    const mapped: unknown = mapping?.(host, port, nodeId)
    if (mapped === undefined) return address
    const to = (mapped ?? {}) as { host?: unknown; port?: unknown }
    const [newHost, newPort] = [to.host, to.port]
    if (typeof newHost === 'string' && Number.isInteger(newPort)) {
      return { host: newHost, port: newPort as number, servername: host }
    }
    const shown = inspect(mapped, { depth: 0, breakLength: Number.POSITIVE_INFINITY, customInspect: false })
    return failed(`must return { host, port } or undefined, and returned ${shown}`)
  } catch (cause) {
    return failed(`threw '${describe(cause)}'`)
  }
}
