import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { backgroundWork } from '../background-work.js'
import { AuthenticationError, printable } from '../errors.js'
import type { SaslExchange, SaslMechanism } from './mechanism.js'

/*
 * SCRAM (RFC 5802, RFC 7677), without channel binding, as Kafka speaks it:
 *
 *   client-first   n,,n=<user>,r=<client nonce>
 *   server-first   [m=<mandatory extension>,]r=<client nonce><server nonce>,s=<salt>,i=<iterations>[,<extensions>]
 *   client-final   c=biws,r=<both nonces>,p=<client proof>
 *   server-final   v=<server signature>, or e=<error>
 *
 * The proof shows that the client knows the password, the signature that the server knows a key derived from it; neither reveals it.
 */

/** What RFC 7677 asks for. A server that wants less may want to guess the password. */
const MIN_ITERATIONS = 4096
/** Kafka allows 16,384, and a million take about a second of a thread of libuv: a false number must not occupy it for hours. */
const MAX_ITERATIONS = 1_000_000
/** Fields stand in this order; extensions that may be ignored can follow. One that may not (`m=`) stands before all. */
const CHALLENGE = /^r=([^,]+),s=([^,]+),i=([1-9]\d*)(?:,.*)?$/s
/** Base64 of `n,,`: no channel binding. */
const NO_BINDING = 'biws'

export type ScramHash = 'sha256' | 'sha512'

/** Derives the salted password; not in this thread, because it takes milliseconds to a second. */
type Salted = (salt: string, iterations: number) => Promise<Buffer>

const derive = promisify(pbkdf2)

/** @param newNonce what no other authentication has: tests give that of the RFC. */
export function scram(
  name: string,
  hash: ScramHash,
  username: string,
  password: string,
  newNonce: () => string = () => randomBytes(24).toString('base64'),
): SaslMechanism {
  // All brokers have the same salt for a user, so the expensive part is done once for all connections.
  let known: { readonly salt: string; readonly iterations: number; readonly salted: Promise<Buffer> } | undefined
  const salted: Salted = (salt, iterations) => {
    if (known?.salt !== salt || known.iterations !== iterations) {
      const length = createHash(hash).digest().length
      const key = backgroundWork(derive(password, Buffer.from(salt, 'base64'), iterations, length, hash))
      known = { salt, iterations, salted: key }
    }
    return known.salted
  }
  return { name, begin: () => exchange(hash, username, newNonce(), salted) }
}

function exchange(hash: ScramHash, username: string, clientNonce: string, salted: Salted): SaslExchange {
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest()
  const clientFirst = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${clientNonce}`
  let signature: Buffer | undefined

  const prove = async (serverFirst: string): Promise<Buffer> => {
    if (/(^|,)m=/.test(serverFirst)) {
      throw new AuthenticationError('the SCRAM challenge wants an extension (m=) that this library does not have')
    }
    const [, nonce = '', salt = '', digits = ''] = CHALLENGE.exec(serverFirst) ?? []
    if (!nonce.startsWith(clientNonce) || nonce === clientNonce) {
      throw new AuthenticationError('the SCRAM challenge is not an answer to this client')
    }
    const iterations = Number(digits)
    if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
      throw new AuthenticationError(
        `the broker asks for ${printable(digits)} SCRAM iterations, but ${MIN_ITERATIONS} to ${MAX_ITERATIONS} are accepted`,
      )
    }
    const key = await salted(salt, iterations)
    const clientFinal = `c=${NO_BINDING},r=${nonce}`
    const message = `${clientFirst},${serverFirst},${clientFinal}`
    const clientKey = hmac(key, 'Client Key')
    const proof = hmac(createHash(hash).update(clientKey).digest(), message)
    for (let i = 0; i < proof.length; i++) proof[i]! ^= clientKey[i]!
    signature = hmac(hmac(key, 'Server Key'), message)
    return Buffer.from(`${clientFinal},p=${proof.toString('base64')}`)
  }

  const verify = (serverFinal: string, expected: Buffer): undefined => {
    const [, name, value = ''] = /^([ve])=([^,]*)/.exec(serverFinal) ?? []
    if (name === 'e') throw new AuthenticationError(`the broker answered SCRAM with the error '${printable(value)}'`)
    const given = Buffer.from(name === 'v' ? value : '', 'base64')
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new AuthenticationError('the SCRAM signature is wrong: what answers does not know the password')
    }
  }

  return {
    first: () => Buffer.from(`n,,${clientFirst}`),
    next: challenge => {
      const text = challenge.toString()
      return signature === undefined ? prove(text) : verify(text, signature)
    },
  }
}
