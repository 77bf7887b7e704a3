import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

export type ScramHash = 'sha256' | 'sha512'

/** What a broker stores of a password for SCRAM: enough to check it, but not the password. */
export interface ScramCredential {
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

const ITERATIONS = 4096

/** The users of a cluster, shared by all nodes. */
export class Users {
  readonly #passwords: Map<string, string>
  readonly #credentials = new Map<string, ScramCredential>()

  constructor(passwords: Readonly<Record<string, string>>) {
    this.#passwords = new Map(Object.entries(passwords))
  }

  /** Without a password the user is gone. */
  set(name: string, password: string | undefined): void {
    this.#credentials.clear()
    if (password === undefined) this.#passwords.delete(name)
    else this.#passwords.set(name, password)
  }

  password(name: string): string | undefined {
    return this.#passwords.get(name)
  }

  /** Whose password this is. */
  named(password: string): string | undefined {
    return [...this.#passwords].find(([, one]) => one === password)?.[0]
  }

  /** Derived on first use, which takes some ms. */
  scram(name: string, hash: ScramHash): ScramCredential | undefined {
    const password = this.#passwords.get(name)
    if (password === undefined) return undefined
    const id = `${hash} ${name}`
    let credential = this.#credentials.get(id)
    if (credential === undefined) {
      credential = derive(password, hash)
      this.#credentials.set(id, credential)
    }
    return credential
  }
}

function derive(password: string, hash: ScramHash): ScramCredential {
  const salt = randomBytes(16)
  const salted = pbkdf2Sync(password, salt, ITERATIONS, hash === 'sha256' ? 32 : 64, hash)
  const clientKey = createHmac(hash, salted).update('Client Key').digest()
  const storedKey = createHash(hash).update(clientKey).digest()
  return { salt, iterations: ITERATIONS, storedKey, serverKey: createHmac(hash, salted).update('Server Key').digest() }
}
