import { UsageError } from '../errors.js'

/** What a property sets: settings by name, nothing, or the reason why it cannot be used. */
type Meaning = string | ((value: string) => Readonly<Record<string, string>>)

const KNOWN_PEM = 'use PEM files: ssl.ca.location, ssl.certificate.location and ssl.key.location'

/** The names of Java's client and of librdkafka, and the settings that they are. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  'bootstrap.servers': 'brokers',
  'metadata.broker.list': 'brokers',
  'client.id': 'client-id',
  acks,
  'request.required.acks': acks,
  'enable.idempotence': idempotence,
  'linger.ms': whole('linger'),
  'queue.buffering.max.ms': whole('linger'),
  'batch.size': 'batch-size',
  'max.request.size': 'max-request-size',
  'message.max.bytes': 'max-request-size',
  'buffer.memory': 'buffer-memory',
  'queue.buffering.max.kbytes': value => ({ 'buffer-memory': /^\d+$/.test(value) ? `${Number(value) * 1024}` : value }),
  'max.block.ms': 'max-block-ms',
  'compression.type': 'compression',
  'compression.codec': 'compression',
  'compression.level': 'compression-level',
  'compression.gzip.level': 'compression-gzip-level',
  'compression.zstd.level': 'compression-zstd-level',
  retries: 'retries',
  'message.send.max.retries': 'retries',
  'max.in.flight.requests.per.connection': 'max-in-flight',
  'max.in.flight': 'max-in-flight',
  'request.timeout.ms': 'request-timeout-ms',
  'socket.timeout.ms': 'request-timeout-ms',
  'delivery.timeout.ms': 'delivery-timeout-ms',
  'message.timeout.ms': 'delivery-timeout-ms',
  'socket.connection.setup.timeout.ms': 'connect-timeout-ms',
  'connections.max.idle.ms': 'idle-connection-ms',
  'retry.backoff.ms': 'retry-backoff-ms',
  'retry.backoff.max.ms': 'retry-backoff-max-ms',
  'metadata.max.age.ms': 'metadata-max-age-ms',
  'topic.metadata.refresh.interval.ms': 'metadata-max-age-ms',
  'metadata.max.idle.ms': 'metadata-max-idle-ms',
  'allow.auto.create.topics': 'allow-auto-topic-creation',
  'receive.message.max.bytes': 'max-response-bytes',
  partitioner: partitioner,
  'partitioner.class': partitionerClass,
  'security.protocol': securityProtocol,
  'sasl.mechanism': value => ({ 'sasl-mechanism': value.toLowerCase() }),
  'sasl.mechanisms': value => ({ 'sasl-mechanism': value.toLowerCase() }),
  'sasl.username': 'sasl-username',
  'sasl.password': 'sasl-password',
  'sasl.jaas.config': jaas,
  'sasl.oauthbearer.token.endpoint.url': 'oauth-token-url',
  'sasl.oauthbearer.client.id': 'oauth-client-id',
  'sasl.oauthbearer.client.secret': 'oauth-client-secret',
  'sasl.oauthbearer.client.credentials.client.id': 'oauth-client-id',
  'sasl.oauthbearer.client.credentials.client.secret': 'oauth-client-secret',
  'sasl.oauthbearer.scope': 'oauth-scope',
  'ssl.ca.location': 'ssl-ca',
  'ssl.certificate.location': 'ssl-cert',
  'ssl.key.location': 'ssl-key',
  'ssl.key.password': 'ssl-key-password',
  'ssl.ca.pem': 'ssl-ca-pem',
  'ssl.certificate.pem': 'ssl-cert-pem',
  'ssl.key.pem': 'ssl-key-pem',
  'ssl.truststore.location': value => ({ 'ssl-ca': pem('ssl.truststore.location', value) }),
  'ssl.truststore.certificates': 'ssl-ca-pem',
  'ssl.keystore.location': keystore,
  'ssl.keystore.password': 'ssl-key-password',
  'ssl.keystore.certificate.chain': 'ssl-cert-pem',
  'ssl.keystore.key': 'ssl-key-pem',
  'ssl.endpoint.identification.algorithm': value => ({
    'ssl-verify-host': /^(https)?$/i.test(value) ? `${value !== ''}` : hostCheck(value),
  }),
  'enable.ssl.certificate.verification': 'ssl-verify',
}

/** Names that say nothing that this command could do otherwise. */
const IMPLIED = [
  'key.serializer',
  'value.serializer',
  'ssl.truststore.type',
  'ssl.truststore.password',
  'ssl.keystore.type',
  'ssl.protocol',
  'ssl.enabled.protocols',
  'client.dns.lookup',
  'partitioner.ignore.keys',
  'session.timeout.ms',
]

export const PROPERTY_NAMES: readonly string[] = [...Object.keys(MEANINGS), ...IMPLIED]

/**
 * Translates a property into settings; undefined if it is not known.
 *
 * @throws {UsageError} for a value that cannot be translated.
 */
export function settingsOf(name: string, value: string): Readonly<Record<string, string>> | undefined {
  if (IMPLIED.includes(name)) return {}
  if (!Object.hasOwn(MEANINGS, name)) return undefined
  const meaning = MEANINGS[name]!
  return typeof meaning === 'string' ? { [meaning]: value.trim() } : meaning(value.trim())
}

/** librdkafka allows fractions of a millisecond. */
function whole(setting: string): Meaning {
  return value => ({ [setting]: /^\d+\.\d+$/.test(value) ? `${Math.ceil(Number(value))}` : value })
}

function acks(value: string): Readonly<Record<string, string>> {
  return { acks: value === '-1' ? 'all' : value }
}

function idempotence(value: string): Readonly<Record<string, string>> {
  if (value === 'true') return {}
  throw new UsageError("enable.idempotence is 'false', but this producer is always idempotent: remove it")
}

function securityProtocol(value: string): Readonly<Record<string, string>> {
  const protocol = value.toUpperCase()
  if (!['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'].includes(protocol))
    throw new UsageError(`security.protocol is '${value}', but it must be PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL`)
  return { ssl: `${protocol.endsWith('SSL')}`, sasl: `${protocol.startsWith('SASL')}` }
}

const PARTITIONERS: Readonly<Record<string, string>> = {
  murmur2_random: 'murmur2',
  murmur2: 'murmur2',
  consistent_random: 'consistent-random',
  fnv1a_random: 'fnv1a',
}

function partitioner(value: string): Readonly<Record<string, string>> {
  const name = PARTITIONERS[value]
  if (name !== undefined) return { partitioner: name }
  throw new UsageError(`partitioner is '${value}', but it must be ${Object.keys(PARTITIONERS).join(', ')}`)
}

function partitionerClass(value: string): Readonly<Record<string, string>> {
  const name = value.split('.').at(-1)!
  if (name === 'RoundRobinPartitioner') return { partitioner: 'round-robin' }
  if (name === 'DefaultPartitioner' || name === 'UniformStickyPartitioner') return { partitioner: 'murmur2' }
  throw new UsageError(`partitioner.class is '${value}', a class of Java; use --partitioner, or leave it out`)
}

function pem(name: string, file: string): string {
  if (/\.(jks|p12|pfx|pkcs12)$/i.test(file))
    throw new UsageError(`${name} is a key store of Java's, which Node cannot read; ${KNOWN_PEM}`)
  return file
}

/** PKCS #12 has both; Java also takes PEM with both in one file. */
function keystore(file: string): Readonly<Record<string, string>> {
  if (/\.(p12|pfx|pkcs12)$/i.test(file)) return { 'ssl-pfx': file }
  const both = pem('ssl.keystore.location', file)
  return { 'ssl-cert': both, 'ssl-key': both }
}

function hostCheck(value: string): never {
  throw new UsageError(`ssl.endpoint.identification.algorithm is '${value}', but it must be https, or empty for none`)
}

/** `org.apache.kafka.common.security.plain.PlainLoginModule required username="app" password="…";` */
function jaas(value: string): Readonly<Record<string, string>> {
  const [, module, options] = /^([\w.$]+)\s+(?:required|requisite|sufficient|optional)\b(.*?);?\s*$/s.exec(value) ?? []
  const known = module?.split('.').at(-1)
  if (options === undefined || known === undefined)
    throw new UsageError('sasl.jaas.config must be MODULE required NAME="value" …;')
  const given = new Map<string, string>()
  for (const [, name, double, single, bare] of options.matchAll(
    /([\w.]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|'([^']*)'|([^\s;]+))/gs,
  ))
    given.set(name!, double?.replace(/\\(.)/gs, '$1') ?? single ?? bare!)
  switch (known) {
    case 'PlainLoginModule':
    case 'ScramLoginModule':
      return pick(given, { username: 'sasl-username', password: 'sasl-password' })
    case 'OAuthBearerLoginModule':
      return pick(given, { clientId: 'oauth-client-id', clientSecret: 'oauth-client-secret', scope: 'oauth-scope' })
    default:
      throw new UsageError(
        `sasl.jaas.config names ${known}; PlainLoginModule, ScramLoginModule and OAuthBearerLoginModule can be used`,
      )
  }
}

function pick(
  given: ReadonlyMap<string, string>,
  names: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const found = Object.entries(names).filter(([name]) => given.has(name))
  return Object.fromEntries(found.map(([name, setting]) => [setting, given.get(name)!]))
}
