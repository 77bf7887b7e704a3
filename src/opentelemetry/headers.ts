import { type Context, propagation, type TextMapSetter } from '@opentelemetry/api'
import type { HeaderPair, Headers } from '../index.js'

/** Returns headers with the context, written by the global propagator. */
export function inject(context: Context, headers: Headers | undefined): Headers {
  if (headers !== undefined && Symbol.iterator in headers) {
    const pairs = [...headers]
    propagation.inject(context, pairs, PAIRS)
    return pairs
  }
  const copy = { ...headers }
  propagation.inject(context, copy)
  return copy
}

/** Returns the context that the headers carry already, as where a record is forwarded; undefined: none. */
export function carried(headers: Headers | undefined): Record<string, string> | undefined {
  if (headers === undefined) return undefined
  const fields = propagation.fields()
  const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers)
  const found = pairs.filter(([name, value]) => fields.includes(name) && value !== null)
  if (found.length === 0) return undefined
  return Object.fromEntries(
    found.map(([name, value]) => [name, String(typeof value === 'string' ? value : Buffer.from(value as Uint8Array))]),
  )
}

const PAIRS: TextMapSetter<HeaderPair[]> = {
  set: (pairs, name, value) => void pairs.push([name, value]),
}
