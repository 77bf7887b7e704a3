import { AuthenticationError, ConnectionError, describe, printable } from '../errors.js'
import { type BearerToken, readToken } from './bearer-token.js'
import type { SaslExchange, SaslMechanism } from './mechanism.js'

/** What `sasl.token` may return. */
export type TokenHook = () => string | BearerToken | Promise<string | BearerToken>

/** The share of a token's life after which a new one is fetched. Sessions are renewed after 85 % of theirs, which ends with the token. */
const USED_SHARE = 0.8
/** A fetch that takes longer is not shared any more: it may never end. */
const LONGEST_FETCH_MS = 10_000

interface Kept {
  readonly token: BearerToken
  /** When a new token is to be fetched. */
  readonly until: number
}

/**
 * OAUTHBEARER (RFC 7628, KIP-255, KIP-342).
 *
 * A token with a known end serves every authentication until most of its life is over. Connections that need a token at the same time
 * share one fetch. A failed fetch is not remembered.
 *
 * @param now the system's time, in ms.
 */
export function oauthbearer(hook: TokenHook, now: () => number = Date.now): SaslMechanism {
  let kept: Kept | undefined
  let fetching: { readonly since: number; readonly token: Promise<BearerToken> } | undefined

  const fetchToken = async (): Promise<BearerToken> => {
    const since = now()
    const token = readToken(await given(hook))
    const { expiresAt } = token
    kept = expiresAt === undefined ? undefined : { token, until: since + (expiresAt - since) * USED_SHARE }
    return token
  }
  const shared = (): Promise<BearerToken> => {
    if (fetching !== undefined && now() - fetching.since < LONGEST_FETCH_MS) return fetching.token
    const token = fetchToken()
    const mine = { since: now(), token }
    fetching = mine
    const over = (): void => {
      if (fetching === mine) fetching = undefined
    }
    token.then(over, over)
    return token
  }
  return {
    name: 'OAUTHBEARER',
    bare: true,
    async begin(): Promise<SaslExchange> {
      if (kept === undefined || now() >= kept.until) return exchange(await shared(), () => false)
      const used = kept
      return exchange(used.token, () => {
        // It may have been revoked since: a refusal is final only for a new one.
        if (kept === used) kept = undefined
        return true
      })
    },
  }
}

/** A token server that is down may return: only what a hook throws as an AuthenticationError is final. */
async function given(hook: TokenHook): Promise<unknown> {
  try {
    return await hook()
  } catch (cause) {
    const message = `no OAUTHBEARER token: ${describe(cause)}`
    throw cause instanceof AuthenticationError
      ? new AuthenticationError(message, { cause })
      : new ConnectionError(message, { cause })
  }
}

function exchange({ value, extensions = {} }: BearerToken, refused: () => boolean): SaslExchange {
  const more = Object.entries(extensions).map(([name, text]) => `${name}=${text}\x01`)
  let told = false
  return {
    refused,
    first: () => Buffer.from(`n,,\x01auth=Bearer ${value}\x01${more.join('')}\x01`),
    next: challenge => {
      if (challenge.length === 0) return undefined
      // The reason of a refusal, as JSON. The broker reports it as a Kafka error once this is confirmed.
      if (told) throw new AuthenticationError(`the broker refused the token: ${printable(challenge.toString())}`)
      told = true
      return Buffer.from('\x01')
    },
  }
}
