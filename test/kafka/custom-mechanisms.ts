import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { SaslOptions, SaslSession } from '../../src/index.js'

const derive = promisify(pbkdf2)

/** PLAIN (RFC 4616) as a user of `authenticate` writes it: one token, and an empty answer. */
export function customPlain(username: string, password: string): SaslOptions {
  return {
    mechanism: 'PLAIN',
    authenticate: async session => {
      await session.send(Buffer.from(`\0${username}\0${password}`))
    },
  }
}

/** SCRAM-SHA-512 (RFC 5802) as a user of `authenticate` writes it: two tokens, and the broker's signature in the second answer. */
export function customScram(username: string, password: string): SaslOptions {
  const authenticate = async (session: SaslSession): Promise<void> => {
    const bare = `n=${username},r=${randomBytes(24).toString('base64')}`
    const challenge = Buffer.from(await session.send(Buffer.from(`n,,${bare}`))).toString()
    const [nonce, salt, iterations] = challenge.split(',').map(field => field.slice(2)) as [string, string, string]
    const key = await derive(password, Buffer.from(salt, 'base64'), Number(iterations), 64, 'sha512')
    const final = `c=biws,r=${nonce}`
    const message = `${bare},${challenge},${final}`
    const clientKey = hmac(key, 'Client Key')
    const mask = hmac(createHash('sha512').update(clientKey).digest(), message)
    const proof = Buffer.from(mask.map((byte, i) => byte ^ clientKey[i]!))
    const answer = Buffer.from(await session.send(Buffer.from(`${final},p=${proof.toString('base64')}`))).toString()
    const signature = Buffer.from(answer.slice('v='.length), 'base64')
    if (!timingSafeEqual(signature, hmac(hmac(key, 'Server Key'), message))) throw new Error('a false signature')
  }
  return { mechanism: 'SCRAM-SHA-512', authenticate }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha512', key).update(text).digest()
}
