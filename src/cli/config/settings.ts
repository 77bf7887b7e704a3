import type { Flag, FlagGroup } from '../flags/flag.js'

/** Begins every variable that is read. */
export const PREFIX = 'RX_KAFKA_'

/** What can be set of a producer: as a flag, in the environment, or in a properties file. */
export interface Setting {
  /** The flag is `--NAME`, the variable `RX_KAFKA_NAME`. */
  readonly name: string
  readonly value: string
  readonly help: string
  readonly short?: string
  readonly choices?: readonly string[]
  readonly file?: boolean
  /** Never a flag, because every user of the machine can see the flags of a process: there is `--NAME-file` instead. */
  readonly secret?: true
  /** Bounds are the producer's own. */
  readonly number?: true
}

const YES_NO = ['true', 'false'] as const

const CONNECTION: readonly Setting[] = [
  { name: 'brokers', short: 'b', value: 'HOST:PORT,…', help: 'brokers to ask first; one that answers is enough' },
  { name: 'ssl', value: 'true|false', choices: YES_NO, help: 'TLS; any other --ssl-… turns it on' },
  { name: 'ssl-ca', value: 'FILE', file: true, help: 'certificates of authorities to trust, PEM' },
  { name: 'ssl-cert', value: 'FILE', file: true, help: "the client's certificate, PEM" },
  { name: 'ssl-key', value: 'FILE', file: true, help: 'its key, PEM' },
  { name: 'ssl-key-password', value: 'TEXT', secret: true, help: 'of the key, or of --ssl-pfx' },
  { name: 'ssl-pfx', value: 'FILE', file: true, help: 'certificate and key in one file, PKCS #12' },
  { name: 'ssl-servername', value: 'NAME', help: "the name in the broker's certificate, if it is not its host" },
  { name: 'ssl-verify', value: 'true|false', choices: YES_NO, help: 'whether the certificate must be trusted (true)' },
  {
    ...{ name: 'sasl-mechanism', value: 'NAME', choices: ['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'] },
    help: 'plain, scram-sha-256, scram-sha-512 or oauthbearer',
  },
  { name: 'sasl-username', value: 'NAME', help: 'needs a mechanism and a password' },
  { name: 'sasl-password', value: 'TEXT', secret: true, help: 'the password' },
  { name: 'oauth-token-url', value: 'URL', help: 'where oauthbearer gets its tokens (client credentials)' },
  { name: 'oauth-client-id', value: 'NAME', help: 'the client that asks for them' },
  { name: 'oauth-client-secret', value: 'TEXT', secret: true, help: 'its secret' },
  { name: 'oauth-scope', value: 'TEXT', help: 'the scope to ask for' },
]

const number = (name: string, value: string, help: string): Setting => ({ name, value, help, number: true })

const PRODUCER: readonly Setting[] = [
  { name: 'compression', short: 'z', value: 'CODEC[:LEVEL]', help: 'none, gzip, snappy, lz4 or zstd (none)' },
  number('linger', 'MS', 'how long a batch waits for more records (0)'),
  number('batch-size', 'BYTES', 'at which a batch is full (262144)'),
  {
    ...{ name: 'partitioner', value: 'NAME', choices: ['murmur2', 'consistent-random', 'fnv1a', 'round-robin'] },
    help: 'murmur2 places keys as Java does, consistent-random as\nlibrdkafka, fnv1a as Sarama; or round-robin (murmur2)',
  },
  { name: 'client-id', value: 'NAME', help: "in brokers' logs and quotas (rx-kafka)" },
  { name: 'acks', value: 'all', choices: ['all'], help: 'nothing else: every record is confirmed by all replicas' },
  number('retries', 'N', 'how often a rejected batch is sent again'),
  number('max-in-flight', 'N', 'requests in flight per broker, 1 to 5 (4)'),
  number('max-request-size', 'BYTES', 'of the largest request, and record (1000000)'),
  number('buffer-memory', 'BYTES', 'that records may take until they are acked (33554432)'),
  number('max-block-ms', 'MS', 'how long the input may wait for buffer memory'),
  {
    ...{ name: 'stalled-overflow', value: 'wait|reject', choices: ['wait', 'reject'] },
    help: 'when partitions that cannot send fill the buffer: wait,\nor fail their records (wait)',
  },
  number('request-timeout-ms', 'MS', 'how long a broker may take to answer (30000)'),
  number('delivery-timeout-ms', 'MS', 'from reading a record to its ack (120000)'),
  number('connect-timeout-ms', 'MS', 'socket and handshake (10000)'),
  number('idle-connection-ms', 'MS', 'until an unused connection is closed (540000)'),
  number('retry-backoff-ms', 'MS', 'the first back-off (100)'),
  number('retry-backoff-max-ms', 'MS', 'the longest back-off (1000)'),
  number('metadata-max-age-ms', 'MS', 'age at which metadata is refreshed (300000)'),
  number('metadata-max-idle-ms', 'MS', "how long an unused topic's metadata is kept (300000)"),
  {
    ...{ name: 'allow-auto-topic-creation', value: 'true|false', choices: YES_NO },
    help: 'whether brokers may create topics (true)',
  },
  number('max-response-bytes', 'BYTES', 'of the largest accepted response (16777216)'),
]

export const SETTINGS: readonly Setting[] = [...CONNECTION, ...PRODUCER]

/** The flags of all settings, and of what else they are read from. */
export const SETTING_GROUPS: readonly FlagGroup[] = [
  {
    title: 'Connection',
    flags: [
      ...CONNECTION.map(flagOf),
      {
        name: 'config',
        short: 'F',
        value: 'FILE',
        file: true,
        help: "Java's client.properties, or librdkafka's configuration",
      },
      {
        ...{ name: 'property', short: 'X', value: 'NAME=VALUE', multiple: true },
        help: 'one property of such a file, as with kcat; more than once',
      },
    ],
  },
  { title: 'Producer', flags: PRODUCER.map(flagOf) },
]

function flagOf({ name, short, value, help, choices, file, secret }: Setting): Flag {
  if (secret)
    return { name: `${name}-file`, value: 'FILE', file: true, help: `a file with it: ${help}; or ${variable(name)}` }
  return { name, value, help, ...(short && { short }), ...(choices && { choices }), ...(file && { file }) }
}

export function variable(name: string): string {
  return `${PREFIX}${name.toUpperCase().replaceAll('-', '_')}`
}
