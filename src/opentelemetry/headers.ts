import {
  type Context,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  type TextMapSetter,
  trace,
} from '@opentelemetry/api'
import type { HeaderPair, Headers } from '../index.js'

/** Returns headers that can be read twice: a generator can't. */
export function own(headers: Headers | undefined): Headers | undefined {
  return isIterable(headers) ? [...headers] : headers
}

/** Returns headers with the context, written by the global propagator. */
export function inject(context: Context, headers: Headers | undefined): Headers {
  if (isIterable(headers)) {
    const pairs = [...headers]
    propagation.inject(context, pairs, PAIRS)
    return pairs
  }
  const copy = { ...headers }
  propagation.inject(context, copy)
  return copy
}

/** Returns the span that the headers name already, as where a record is forwarded. */
export function carriedSpan(headers: Headers | undefined): SpanContext | undefined {
  if (headers === undefined) return undefined
  const fields = propagation.fields()
  const pairs = isIterable(headers) ? headers : Object.entries(headers)
  const carrier: Record<string, string> = {}
  let found = false
  for (const [name, value] of pairs) {
    if (value === null || !fields.includes(name)) continue
    carrier[name] = typeof value === 'string' ? value : Buffer.from(value).toString()
    found = true
  }
  return found ? trace.getSpanContext(propagation.extract(ROOT_CONTEXT, carrier)) : undefined
}

function isIterable(headers: Headers | undefined): headers is Iterable<HeaderPair> {
  return headers !== undefined && Symbol.iterator in headers
}

const PAIRS: TextMapSetter<HeaderPair[]> = {
  set: (pairs, name, value) => void pairs.push([name, value]),
}
