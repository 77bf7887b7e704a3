import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

const KEY_ID = 'of-the-token-server'
const ISSUER = 'https://tokens.test'
const AUDIENCE = 'kafka'

/** An OAuth 2 provider on the loopback: a token endpoint for client credentials, and the keys that Kafka checks tokens with (JWKS). */
export class TokenServer implements AsyncDisposable {
  readonly #server: Server
  readonly #key = newKey()
  readonly #lifeSeconds: number
  readonly clientId = 'app'
  readonly clientSecret = 'secret of the client'
  /** When tokens were given, by the system's clock. */
  readonly given: number[] = []

  private constructor(lifeSeconds: number) {
    this.#lifeSeconds = lifeSeconds
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  static async start(lifeSeconds: number): Promise<TokenServer> {
    const server = new TokenServer(lifeSeconds)
    await once(server.#server.listen(0, '127.0.0.1'), 'listening')
    return server
  }

  get tokenUrl(): string {
    return `${this.#origin}/token`
  }

  get jwksUrl(): string {
    return `${this.#origin}/jwks`
  }

  /** What a broker needs on a listener to check tokens itself. */
  brokerProperties(listener: string): Record<string, string | number> {
    const oauth = 'org.apache.kafka.common.security.oauthbearer'
    return {
      'sasl.enabled.mechanisms': 'OAUTHBEARER',
      'sasl.oauthbearer.jwks.endpoint.url': this.jwksUrl,
      'sasl.oauthbearer.expected.audience': AUDIENCE,
      'sasl.oauthbearer.expected.issuer': ISSUER,
      'sasl.oauthbearer.clock.skew.seconds': 0,
      [`listener.name.${listener}.oauthbearer.sasl.server.callback.handler.class`]: `${oauth}.OAuthBearerValidatorCallbackHandler`,
      // The broker itself logs in nowhere, but its login module wants a token of its own.
      [`listener.name.${listener}.oauthbearer.sasl.jaas.config`]: `${oauth}.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
    }
  }

  /** Kafka 4 asks only URLs that its process allows. */
  get jvm(): string[] {
    return [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${this.jwksUrl}`]
  }

  /** A token of this server's, unless the claims or the key are others. */
  token(claims: object = {}, key: KeyObject = this.#key): string {
    const now = Math.floor(Date.now() / 1000)
    const of = { iss: ISSUER, aud: AUDIENCE, sub: this.clientId, iat: now, exp: now + this.#lifeSeconds, ...claims }
    const signed = [{ alg: 'RS256', typ: 'JWT', kid: KEY_ID }, of].map(base64url).join('.')
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = new URLSearchParams(await text(request))
    const send = (status: number, answer: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    }
    if (request.url === '/jwks') {
      const jwk = createPublicKey(this.#key).export({ format: 'jwk' })
      return send(200, { keys: [{ ...jwk, kid: KEY_ID, use: 'sig', alg: 'RS256' }] })
    }
    // RFC 6749, section 2.3.1: both are form-encoded.
    const [id, secret] = [this.clientId, this.clientSecret].map(part =>
      new URLSearchParams({ part }).toString().slice(5),
    )
    const basic = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
    if (request.headers.authorization !== basic) {
      return send(401, { error: 'invalid_client', error_description: 'the secret is wrong' })
    }
    if (request.method !== 'POST' || body.get('grant_type') !== 'client_credentials') {
      return send(400, { error: 'unsupported_grant_type' })
    }
    this.given.push(Date.now())
    send(200, { access_token: this.token(), token_type: 'Bearer', expires_in: this.#lifeSeconds })
  }

  get #origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await once(this.#server.close(), 'close')
  }
}

/** An RSA key that signs tokens. */
export function newKey(): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
}

function base64url(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
