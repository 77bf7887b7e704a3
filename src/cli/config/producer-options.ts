import {
  type Compression,
  InvalidArgumentError,
  type Partitioner,
  type ProducerOptions,
  partitioners,
} from '../../index.js'
import { UsageError } from '../errors.js'
import type { Given, Settings } from './read-settings.js'
import { saslOf, sslOf } from './security.js'
import { SETTINGS, variable } from './settings.js'

/**
 * Makes the producer's options of settings.
 *
 * @throws {UsageError} naming the flag, the variable or the property that is wrong.
 */
export async function producerOptionsOf(settings: Settings): Promise<ProducerOptions> {
  const brokers = settings.get('brokers')
  if (brokers === undefined)
    throw new UsageError(
      `no brokers: --brokers HOST:PORT, ${variable('brokers')}, or bootstrap.servers in a --config file says where they are`,
    )
  const partitioner = settings.get('partitioner')
  const creation = settings.get('allow-auto-topic-creation')
  const given: Record<string, unknown> = {
    brokers: brokers.text.split(',').map(address => address.trim().replace(/^\w+:\/\//, '')),
    ssl: await sslOf(settings),
    sasl: saslOf(settings),
    clientId: settings.get('client-id')?.text,
    acks: settings.get('acks')?.text,
    stalledOverflow: settings.get('stalled-overflow')?.text,
    compression: compressionOf(settings),
    partitioner: partitioner && PARTITIONERS[partitioner.text]!(),
    allowAutoTopicCreation: creation === undefined ? undefined : creation.text === 'true',
  }
  for (const { name, number } of SETTINGS) if (number) given[camel(name)] = numberOf(settings.get(name))
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as unknown as ProducerOptions
}

/** Makes what `createProducer()` says about its options speak of what the user wrote. */
export function inUsersWords(error: unknown, settings: Settings): unknown {
  if (!(error instanceof InvalidArgumentError)) return error
  const message = error.message.replaceAll(/(?:option )?`(\w+)(?:\.(\w+))?`/g, (quoted, option: string, field = '') => {
    const whole = userName(`${option}-${field}`, settings)
    const part = userName(option, settings)
    if (field === '') return part ?? quoted
    return whole ?? (part === undefined ? quoted : `${part}: ${field}`)
  })
  return new UsageError(message)
}

/** What the user calls a setting; undefined if there is none of that name. */
function userName(option: string, settings: Settings): string | undefined {
  const name = option.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
  if (!SETTINGS.some(setting => setting.name === name)) return undefined
  return settings.get(name)?.origin ?? `--${name}`
}

const camel = (name: string): string => name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

function numberOf(given: Given | undefined): number | undefined {
  if (given === undefined) return undefined
  if (/^\d{1,16}$/.test(given.text)) return Number(given.text)
  throw new UsageError(`${given.origin} must be a whole number, not '${given.text}'`)
}

/** `gzip:9`; Java and librdkafka have properties for the level. */
function compressionOf(settings: Settings): Compression | undefined {
  const given = settings.get('compression')
  if (given === undefined) return undefined
  const [codec = '', inline] = given.text.split(':')
  const level = inline ?? (settings.get(`compression-${codec}-level`) ?? settings.get('compression-level'))?.text
  // -1 is their default, and codecs without levels ignore it there.
  if (level === undefined || level === '-1' || (inline === undefined && !['gzip', 'zstd'].includes(codec)))
    return codec as Compression
  return { codec, level: numberOf({ text: level, origin: given.origin }) } as Compression
}

const PARTITIONERS: Readonly<Record<string, () => Partitioner>> = {
  murmur2: () => partitioners.murmur2,
  'consistent-random': () => partitioners.consistentRandom,
  fnv1a: () => partitioners.fnv1a,
  'round-robin': () => partitioners.roundRobin(),
}
