import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AuthenticationError, ConnectionError } from '../../src/errors.js'
import { oauthbearer, type TokenHook } from '../../src/transport/oauthbearer.js'

const PEER = { host: 'broker', port: 9092, signal: new AbortController().signal }
const START = Date.UTC(2030, 0)

/** The mechanism at a time that stands still, and what it says first. */
function at(hook: TokenHook) {
  const clock = { now: START }
  const mechanism = oauthbearer(hook, () => clock.now)
  const begin = async () => mechanism.begin(PEER)
  return { clock, begin, first: async () => (await begin()).first().toString() }
}

const jwt = (claims: object): string =>
  ['{"alg":"none"}', JSON.stringify(claims), 'signature'].map(part => Buffer.from(part).toString('base64url')).join('.')

/** Numbers its tokens. */
function numbered(token: (count: number) => ReturnType<TokenHook>): { hook: TokenHook; calls: () => number } {
  let calls = 0
  return { hook: () => token(++calls), calls: () => calls }
}

describe('tokens with a known end', () => {
  for (const [what, token] of [
    ['`expiresAt`', (count: number) => ({ value: `token-${count}`, expiresAt: START + count * 100_000 })],
    ['the claim `exp`', (count: number) => jwt({ count, exp: (START + count * 100_000) / 1000 })],
  ] as const) {
    test(`by ${what} are used until 80 % of their life is over, then the next one is fetched`, async () => {
      const { hook, calls } = numbered(token)
      const { clock, first } = at(hook)
      const one = await first()
      clock.now = START + 79_999
      assert.equal(await first(), one)
      assert.equal(calls(), 1)
      clock.now = START + 80_000
      assert.notEqual(await first(), one)
      assert.equal(calls(), 2)
    })
  }

  test('that has passed already are used once: the broker decides', async () => {
    const { hook, calls } = numbered(() => ({ value: 'token', expiresAt: START - 1 }))
    const { first } = at(hook)
    assert.match(await first(), /Bearer token/)
    await first()
    assert.equal(calls(), 2)
  })

  test('are fetched anew once a broker has refused one that was used before; a refusal of a new one is final', async () => {
    const { hook, calls } = numbered(count => ({ value: `token-${count}`, expiresAt: START + 100_000 }))
    const { begin } = at(hook)
    assert.equal((await begin()).refused?.(), false)
    assert.equal((await begin()).refused?.(), true)
    assert.match((await begin()).first().toString(), /token-2/)
    assert.equal(calls(), 2)
  })
})

for (const token of ['opaque', 'a.b.c', jwt({ exp: 'soon' }), `${jwt({ exp: 1e10 })}.more.parts`]) {
  test(`a token without a known end is used once: ${token.slice(0, 20)}`, async () => {
    const { hook, calls } = numbered(() => token)
    const { first } = at(hook)
    await first()
    await first()
    assert.equal(calls(), 2)
  })
}

test('connections that need a token at the same time share one call', async () => {
  let give: (token: string) => void = () => undefined
  const { hook, calls } = numbered(() => new Promise<string>(resolve => (give = resolve)))
  const { first } = at(hook)
  const all = Promise.all([first(), first(), first()])
  await new Promise(setImmediate)
  assert.equal(calls(), 1)
  give('shared')
  assert.deepEqual(new Set(await all), new Set(['n,,\x01auth=Bearer shared\x01\x01']))
  const next = first()
  await new Promise(setImmediate)
  assert.equal(calls(), 2, 'it has no known end, so the next one is asked for')
  give('next')
  await next
})

test('a call that does not end is shared for ten seconds, not for ever', async () => {
  const { hook, calls } = numbered(count => (count === 1 ? new Promise<string>(() => undefined) : 'token'))
  const { clock, first } = at(hook)
  void first()
  void first()
  clock.now += 10_000
  assert.match(await first(), /Bearer token/)
  assert.equal(calls(), 2)
})

test('a failure is shared by those who wait, and not remembered', async () => {
  const { hook, calls } = numbered(count => {
    if (count === 1) throw new Error('down')
    return { value: 'token', expiresAt: START + 1000 }
  })
  const { first } = at(hook)
  const failed = await Promise.allSettled([first(), first()])
  for (const one of failed) {
    assert.ok(one.status === 'rejected' && one.reason instanceof ConnectionError)
    assert.equal(one.reason.message, 'no OAUTHBEARER token: down')
  }
  assert.match(await first(), /Bearer token/)
  assert.equal(calls(), 2)
})

test('a hook that throws an AuthenticationError says that it is final', async () => {
  const { first } = at(() => Promise.reject(new AuthenticationError('the account is closed')))
  await assert.rejects(first(), { name: 'AuthenticationError', message: 'no OAUTHBEARER token: the account is closed' })
})

test('extensions follow the token (KIP-342)', async () => {
  const { first } = at(() => ({ value: 't', extensions: { logicalCluster: 'lkc-1', identityPoolId: 'pool 1' } }))
  assert.equal(await first(), 'n,,\x01auth=Bearer t\x01logicalCluster=lkc-1\x01identityPoolId=pool 1\x01\x01')
})

for (const [what, token, message] of [
  ['an extension named auth', { value: 't', extensions: { auth: 'x' } }, /the name 'auth' is the token's own/],
  ['a name with a digit', { value: 't', extensions: { a1: 'x' } }, /a name consists of the letters/],
  ['an empty name', { value: 't', extensions: { '': 'x' } }, /a name consists of the letters/],
  [
    'an empty value',
    { value: 't', extensions: { a: '' } },
    /extension `a` a value that is no string of printable ASCII/,
  ],
  ['a value with a separator', { value: 't', extensions: { a: 'x\x01b=y' } }, /extension `a` a value/],
  ['a value that is no string', { value: 't', extensions: { a: 5 } }, /extension `a` a value/],
  ['extensions that are no object', { value: 't', extensions: 'a=b' }, /`extensions` that are no object/],
  [
    'a time in seconds',
    { value: 't', expiresAt: START / 1000 },
    /as `expiresAt` 1893456000, but it must be a time in ms/,
  ],
  ['a time of no number', { value: 't', expiresAt: new Date(START) }, /as `expiresAt` a value of type object/],
  ['an object without value', { token: 't' }, /an object whose `value` is a value of type undefined$/],
  ['an object with a line break', { value: 't\n' }, /a string with a line break at its end/],
] as const) {
  test(`a hook that gives ${what} will do so again: that is final`, async () => {
    const { first } = at(() => token as unknown as string)
    await assert.rejects(first(), (error: Error) => {
      assert.ok(error instanceof AuthenticationError, String(error))
      assert.match(error.message, message)
      return true
    })
  })
}
