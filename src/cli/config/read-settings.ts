import { readFile } from 'node:fs/promises'
import { CommandError, UsageError } from '../errors.js'
import type { Flags } from '../flags/read-flags.js'
import { nearestName } from '../nearest.js'
import { PROPERTY_NAMES, settingsOf } from './kafka-names.js'
import { readProperties } from './properties.js'
import { PREFIX, SETTINGS, variable } from './settings.js'

/** A setting that somebody gave. */
export interface Given {
  readonly text: string
  /** How to name it in an error: `--linger`, `RX_KAFKA_LINGER` or `linger.ms in client.properties`. */
  readonly origin: string
}

export type Settings = ReadonlyMap<string, Given>

export type Environment = Readonly<Record<string, string | undefined>>

const SECRETS = new Set(SETTINGS.filter(({ secret }) => secret).map(({ name }) => name))

/**
 * Reads settings from a properties file, the environment, `--property` and flags; later ones win.
 *
 * @param warn is told of names that nobody knows.
 */
export async function readSettings(flags: Flags, env: Environment, warn: (message: string) => void): Promise<Settings> {
  const settings = new Map<string, Given>()
  const file = flags.text('config') ?? env[`${PREFIX}CONFIG`]
  if (file !== undefined) {
    const unknown: string[] = []
    for (const { name, value, line } of readProperties(await readText('--config', file)))
      if (!take(settings, name, value, `${file}:${line}`)) unknown.push(name)
    if (unknown.length > 0) warn(`${file}: ignored, as rx-kafka has nothing of the kind: ${unknown.join(', ')}`)
  }
  await readEnvironment(settings, env, warn)
  for (const property of flags.all('property')) readProperty(settings, property, warn)
  for (const { name, secret } of SETTINGS) {
    const text = flags.text(secret ? `${name}-file` : name)
    if (text === undefined) continue
    const origin = `--${name}`
    settings.set(name, secret ? await secretOf(`${origin}-file`, text) : { text, origin })
  }
  checkChoices(settings)
  return settings
}

/** Wherever a value is from: `RX_KAFKA_SSL=yes` is not to mean no. */
function checkChoices(settings: Settings): void {
  for (const { name, choices } of SETTINGS) {
    const given = settings.get(name)
    if (given === undefined || choices === undefined || choices.includes(given.text)) continue
    throw new UsageError(`${given.origin} must be ${choices.join(', ')}, not '${given.text}'`)
  }
}

/** @returns whether the property is known. */
function take(settings: Map<string, Given>, name: string, value: string, where: string): boolean {
  const found = blame(where, () => settingsOf(name, value))
  if (found !== undefined) {
    for (const [setting, text] of Object.entries(found)) settings.set(setting, { text, origin: `${name} (${where})` })
    return true
  }
  // More edits would take other properties of Java's, which are correct, for misspelled ones.
  const near = nearestName(name, PROPERTY_NAMES, 2)
  if (near !== undefined) throw new UsageError(`${where}: there is no property ${name}; did you mean ${near}?`)
  return false
}

function blame<T>(where: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (error instanceof CommandError) throw new UsageError(`${where}: ${error.message}`)
    throw error
  }
}

function readProperty(settings: Map<string, Given>, property: string, warn: (message: string) => void): void {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(property) ?? []
  if (name === undefined || value === undefined)
    throw new UsageError(`--property is '${property}', but it must be NAME=VALUE`)
  const taken = new Map<string, Given>()
  if (!take(taken, name.trim(), value, '--property'))
    warn(`--property ${name} is ignored, as rx-kafka has nothing of the kind`)
  for (const [setting, given] of taken) {
    if (SECRETS.has(setting) || setting.endsWith('key-pem')) {
      throw new UsageError(
        `--property ${name} holds a secret, which every user of this machine could see; use ${variable(setting)}, --${setting}-file or --config`,
      )
    }
    settings.set(setting, given)
  }
}

async function readEnvironment(
  settings: Map<string, Given>,
  env: Environment,
  warn: (message: string) => void,
): Promise<void> {
  const known = new Set([`${PREFIX}CONFIG`])
  for (const { name, secret } of SETTINGS) {
    const origin = variable(name)
    known.add(origin)
    const text = env[origin]
    if (text !== undefined && text !== '') settings.set(name, { text, origin })
    if (!secret) continue
    known.add(`${origin}_FILE`)
    const file = env[`${origin}_FILE`]
    if (file !== undefined && file !== '') settings.set(name, await secretOf(`${origin}_FILE`, file))
  }
  for (const name of Object.keys(env)) {
    if (!name.startsWith(PREFIX) || known.has(name)) continue
    // Without what is the same in all, and would make all of them near.
    const near = nearestName(withoutPrefix(name), [...known].map(withoutPrefix))
    warn(`the variable ${name} is ignored${near === undefined ? '' : `; did you mean ${PREFIX}${near}?`}`)
  }
}

const withoutPrefix = (name: string): string => name.slice(PREFIX.length)

/** The content of a file without the line break that editors add. */
async function secretOf(origin: string, file: string): Promise<Given> {
  return { text: (await readText(origin, file)).replace(/\r?\n$/, ''), origin }
}

async function readText(origin: string, file: string): Promise<string> {
  return (await readBytes(origin, file)).toString()
}

export async function readBytes(origin: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new UsageError(`${origin}: ${file} can't be read: ${(error as Error).message}`)
  }
}
