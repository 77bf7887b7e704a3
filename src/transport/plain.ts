import type { SaslMechanism } from './mechanism.js'

/** PLAIN (RFC 4616): [authorization id] NUL username NUL password */
export function plain(username: string, password: string): SaslMechanism {
  return {
    name: 'PLAIN',
    bare: true,
    begin: () => ({ first: () => Buffer.from(`\0${username}\0${password}`), next: () => undefined }),
  }
}
