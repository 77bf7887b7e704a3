import type { AuthenticationProviderArgs, KafkaConfig, Logger, Mechanism, SASLOptions } from 'kafkajs'
import { AuthenticationError, type SaslOptions, type SaslSession } from '../index.js'
import { KafkaJSNonRetriableError } from './errors.js'

type Given = NonNullable<KafkaConfig['sasl']>
type Of<M extends SASLOptions['mechanism']> = Extract<SASLOptions, { mechanism: M }>

/** Returns the producer's `sasl`. kafkajs takes the names of mechanisms in either case. */
export function saslOptions(given: Given, logger: Logger): SaslOptions {
  const { mechanism } = given
  const name = String(mechanism).toUpperCase()
  if (isCustom(given)) {
    return {
      mechanism: name,
      authenticate: session => authenticateBy(given.authenticationProvider, name, session, logger),
    }
  }
  switch (name) {
    case 'PLAIN':
    case 'SCRAM-SHA-256':
    case 'SCRAM-SHA-512': {
      const { username, password } = given as Of<'plain'>
      return { mechanism: name.toLowerCase() as 'plain', username, password }
    }
    case 'OAUTHBEARER':
      return { mechanism: 'oauthbearer', token: () => bearerToken(given as Of<'oauthbearer'>) }
    case 'AWS':
      return { mechanism: 'AWS', authenticate: session => authenticateAtAws(given as Of<'aws'>, session) }
    default:
      throw new KafkaJSNonRetriableError(
        `sasl.mechanism is '${mechanism}', which needs an \`authenticationProvider\` beside it; without one it can be` +
          ' plain, scram-sha-256, scram-sha-512, oauthbearer or aws',
      )
  }
}

function isCustom(given: Given): given is Mechanism {
  return typeof (given as Partial<Mechanism>).authenticationProvider === 'function'
}

async function bearerToken({ oauthBearerProvider }: Of<'oauthbearer'>): Promise<{ value: string }> {
  if (typeof oauthBearerProvider !== 'function') {
    throw new AuthenticationError(
      'SASL OAUTHBEARER: `sasl.oauthBearerProvider` must be a function that returns a token',
    )
  }
  const token = await oauthBearerProvider()
  if (token?.value == null) {
    throw new AuthenticationError('SASL OAUTHBEARER: `sasl.oauthBearerProvider` returned no token with a `value`')
  }
  const { extensions } = token as { extensions?: Readonly<Record<string, string>> }
  return extensions == null ? { value: token.value } : { value: token.value, ...{ extensions } }
}

async function authenticateAtAws(given: Of<'aws'>, session: SaslSession): Promise<void> {
  for (const field of ['authorizationIdentity', 'accessKeyId', 'secretAccessKey'] as const) {
    if (!given[field]) throw new AuthenticationError(`SASL AWS-IAM: Missing ${field}`)
  }
  const { authorizationIdentity, accessKeyId, secretAccessKey, sessionToken = '' } = given
  await session.send(Buffer.from([authorizationIdentity, accessKeyId, secretAccessKey, sessionToken].join('\0')))
}

/** Runs an authenticator of the user's own: its tokens begin with their size, as Kafka's BYTES do. */
async function authenticateBy(
  provider: Mechanism['authenticationProvider'],
  mechanism: string,
  session: SaslSession,
  logger: Logger,
): Promise<void> {
  const saslAuthenticate: AuthenticationProviderArgs['saslAuthenticate'] = async ({ request, response }) => {
    const answer = await session.send(withoutSize(await request.encode()))
    if (response == null) return undefined
    return response.parse(await response.decode(withSize(answer)))
  }
  const { host, port } = session
  const args = { host, port, logger: logger.namespace(`SaslAuthenticator-${mechanism}`), saslAuthenticate }
  try {
    await provider(args).authenticate()
  } catch (cause) {
    const { retriable, message } = cause as { retriable?: unknown; message?: unknown }
    if (retriable !== false || cause instanceof AuthenticationError) throw cause
    // It says that trying again is no use.
    throw new AuthenticationError(String(message), { cause })
  }
}

function withoutSize(bytes: Uint8Array): Buffer {
  const token = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (token.length >= 4 && token.readInt32BE(0) === token.length - 4) return token.subarray(4)
  throw new AuthenticationError(
    '`request.encode()` of the authenticator must return what kafkajs sends: the size of the token as four bytes, then the token',
  )
}

function withSize(token: Uint8Array): Buffer {
  const size = Buffer.alloc(4)
  size.writeInt32BE(token.length)
  return Buffer.concat([size, token])
}
