import { createHash, createHmac, randomBytes } from 'node:crypto'
import type { ScramHash, Users } from './users.js'

/** A mechanism that brokers offer, as they spell it. */
export type SaslMechanismName = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER'

/** The broker's reaction to a token: an answer, with the user once authenticated; or the reason of a refusal, in Kafka's words. */
export type Step = { readonly answer: string; readonly user?: string } | { readonly refusal: string }

/** The broker's side of one authentication: receives the client's tokens one by one. */
export type Exchange = (token: string) => Step

/** By name; the order is the one in which they are offered. */
export const mechanisms: Readonly<Record<SaslMechanismName, (users: Users) => Exchange>> = {
  PLAIN: plain,
  'SCRAM-SHA-256': users => scram(users, 'SCRAM-SHA-256', 'sha256'),
  'SCRAM-SHA-512': users => scram(users, 'SCRAM-SHA-512', 'sha512'),
  OAUTHBEARER: oauthbearer,
}

/** [authorization id] NUL username NUL password */
function plain(users: Users): Exchange {
  return token => {
    const [authorizationId = '', username = '', password = '', ...more] = token.split('\0')
    const known = users.password(username)
    if (more.length > 0 || known === undefined || known !== password || !['', username].includes(authorizationId)) {
      return { refusal: 'Authentication failed: Invalid username or password' }
    }
    return { answer: '', user: username }
  }
}

/** RFC 5802, from the server's side. */
function scram(users: Users, name: string, hash: ScramHash): Exchange {
  const refused: Step = {
    refusal: `Authentication failed during authentication due to invalid credentials with SASL mechanism ${name}`,
  }
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest()
  let first: { user: string; client: string; server: string; nonce: string } | undefined
  return token => {
    if (first === undefined) {
      const [, client = '', escaped = '', clientNonce = ''] = /^n,[^,]*,(n=([^,]*),r=([^,]+).*)$/s.exec(token) ?? []
      const user = escaped.replaceAll('=2C', ',').replaceAll('=3D', '=')
      const credential = users.scram(user, hash)
      if (credential === undefined) return refused
      const nonce = clientNonce + randomBytes(18).toString('base64')
      const server = `r=${nonce},s=${credential.salt.toString('base64')},i=${credential.iterations}`
      first = { user, client, server, nonce }
      return { answer: server }
    }
    const { user, client, server, nonce } = first
    const credential = users.scram(user, hash)
    const [, final = '', saidNonce = '', proof = ''] = /^(c=biws,r=([^,]+)),p=(.+)$/s.exec(token) ?? []
    if (credential === undefined || saidNonce !== nonce) return refused
    const message = `${client},${server},${final}`
    // The proof is the client's key under a mask that requires the stored key.
    const mask = hmac(credential.storedKey, message)
    const key = Buffer.from(proof, 'base64').map((byte, i) => byte ^ (mask[i] ?? 0))
    if (!createHash(hash).update(key).digest().equals(credential.storedKey)) return refused
    return { answer: `v=${hmac(credential.serverKey, message).toString('base64')}`, user }
  }
}

/** RFC 7628: sends the reason of a refusal as JSON, and the failure after the client has acknowledged it. */
function oauthbearer(users: Users): Exchange {
  const status = '{"status":"invalid_token"}'
  let told = false
  return token => {
    if (told) return { refusal: status }
    const [, auth = ''] = token.split('\x01')
    const bearer = auth.replace('auth=Bearer ', '')
    const user = users.named(bearer)
    if (user !== undefined) return { answer: '', user }
    told = true
    return { answer: status }
  }
}
