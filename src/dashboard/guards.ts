import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'

/** Sent with every response: the page runs its own files only, and nothing in it can become markup. */
export const HEADERS: OutgoingHttpHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
}

/**
 * Whether the request's Host is an address, `localhost`, or the dashboard's own host. A site that points its own name at this machine (DNS
 * rebinding) sends that name.
 */
export function isOwnHost(header: string | undefined, own: string): boolean {
  const [, name] = /^(\[[0-9a-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(header ?? '') ?? []
  if (name === undefined) return false
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || [own.toLowerCase(), 'localhost'].includes(name.toLowerCase())
}

/** Whether another site's page made the request. Opening the dashboard by a link is allowed. */
export function isCrossSite(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site']
  return headers['sec-fetch-mode'] !== 'navigate' && site !== undefined && site !== 'same-origin' && site !== 'none'
}

/** Whether the dashboard's own page made the request: only that can read the token. */
export function isOwnPage(headers: IncomingHttpHeaders, token: string): boolean {
  const given = Buffer.from(String(headers['x-rx-kafka-token'] ?? ''))
  const wanted = Buffer.from(token)
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return false
  return headers.origin === `http://${headers.host}`
}
