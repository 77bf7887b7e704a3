import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { clientCredentials, type SaslOptions } from '../../index.js'
import { UsageError } from '../errors.js'
import { type Given, readBytes, type Settings } from './read-settings.js'
import { SETTINGS, variable } from './settings.js'

/** Whether and how connections are encrypted: any setting of TLS turns it on, unless `ssl` is false. */
export async function sslOf(settings: Settings): Promise<TlsOptions | boolean> {
  const text = (name: string): string | undefined => settings.get(name)?.text
  const file = async (name: string): Promise<Buffer | string | undefined> => {
    const given = settings.get(name)
    return given === undefined ? text(`${name}-pem`) : readBytes(given.origin, given.text)
  }
  const options: Record<string, unknown> = {
    ca: await file('ssl-ca'),
    cert: await file('ssl-cert'),
    key: await file('ssl-key'),
    pfx: await file('ssl-pfx'),
    passphrase: text('ssl-key-password'),
    servername: text('ssl-servername'),
    rejectUnauthorized: text('ssl-verify') === 'false' ? false : undefined,
    checkServerIdentity: text('ssl-verify-host') === 'false' ? () => undefined : undefined,
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  if (text('ssl') === 'false') return false
  if (Object.keys(given).length > 0) return given
  return text('ssl') === 'true'
}

const MECHANISMS = SETTINGS.find(({ name }) => name === 'sasl-mechanism')!.choices!

/** How the client authenticates; undefined: not at all. */
export function saslOf(settings: Settings): SaslOptions | undefined {
  if (settings.get('sasl')?.text === 'false') return undefined
  const given = settings.get('sasl-mechanism')
  const about = settings.get('sasl-username') ?? settings.get('sasl-password') ?? settings.get('sasl')
  if (given === undefined) {
    if (about === undefined) return undefined
    throw new UsageError(`${about.origin} is set without a mechanism: --sasl-mechanism ${MECHANISMS.join(', ')}`)
  }
  if (given.text === 'oauthbearer') return { mechanism: 'oauthbearer', token: tokens(settings, given) }
  return {
    mechanism: given.text as 'plain',
    username: needed(settings, given, 'sasl-username'),
    password: needed(settings, given, 'sasl-password'),
  }
}

function tokens(settings: Settings, mechanism: Given): ReturnType<typeof clientCredentials> {
  const scope = settings.get('oauth-scope')?.text
  return clientCredentials({
    tokenUrl: needed(settings, mechanism, 'oauth-token-url'),
    clientId: needed(settings, mechanism, 'oauth-client-id'),
    clientSecret: needed(settings, mechanism, 'oauth-client-secret'),
    ...(scope !== undefined && { scope }),
  })
}

function needed(settings: Settings, mechanism: Given, name: string): string {
  const text = settings.get(name)?.text
  if (text !== undefined) return text
  const { secret } = SETTINGS.find(setting => setting.name === name)!
  const flag = secret ? `--${name}-file` : `--${name}`
  throw new UsageError(`${mechanism.origin} ${mechanism.text} needs ${flag}, or ${variable(name)}`)
}
