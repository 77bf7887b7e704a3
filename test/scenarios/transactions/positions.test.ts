/** `position()` when the coordinator of its group does not tell: an import that took that for "nothing is stored" would begin anew. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { brokerErrors, ErrorCode } from '../../../src/protocol/error-codes.js'
import type { FaultRule } from '../../../src/testing/index.js'
import type { World } from '../../support/world.js'
import { begun, record, rejection, startTransactional, successor } from './support.js'

/** Every code that Kafka has, and one of a newer Kafka. */
const CODES = [
  ...brokerErrors.filter(({ code }) => code !== ErrorCode.NONE),
  { code: 999, name: 'UNKNOWN_CODE_999', retriable: false },
]
const WHERE: readonly (readonly [string, Partial<FaultRule>])[] = [
  ['the answer as a whole', {}],
  ['one partition', { topic: 't', partition: 0 }],
]

/** A world in which the position '1' is stored. */
async function stored(): Promise<World> {
  const world = await startTransactional(2)
  const { transaction } = await begun(world, [record('a')])
  transaction.setPosition('1')
  await world.time.until(transaction.commit())
  return world
}

for (const [where, names] of WHERE) {
  describe(`OffsetFetch, ${where}`, () => {
    test('with a code that passes, it is asked again; with any other, position() rejects', async () => {
      const world = await stored()
      for (const { code, name, retriable } of CODES) {
        const fault = world.cluster.inject({ api: 'OffsetFetch', ...names, fault: { kind: 'error', code } })
        const reading = world.producer.position()
        if (retriable) assert.equal(await world.time.until(reading), '1', name)
        else {
          const error = await world.time.until(rejection(reading))
          assert.match(
            error.message,
            new RegExp(`the position of \`transactionalId\` 'copier' could not be read: .*${name} `),
          )
        }
        assert.equal(fault.fired, 1, name)
      }
      assert.equal(await world.time.until(world.producer.position()), '1', 'the producer goes on')
      await world.end()
    })

    test('a transaction that stores a position is aborted: the new one could not be told from the last', async () => {
      const world = await stored()
      const next = { time: world.time, producer: successor(world) }
      world.cluster.inject({
        ...{ api: 'OffsetFetch', ...names },
        fault: { kind: 'error', code: ErrorCode.GROUP_AUTHORIZATION_FAILED },
      })
      const refused = await begun(next, [record('b')])
      refused.transaction.setPosition('2')
      const error = await world.time.until(rejection(refused.transaction.commit()))
      assert.match(error.message, /aborted: the position of .* could not be read: GROUP_AUTHORIZATION_FAILED/)
      assert.equal(await world.time.until(next.producer.position()), '1')
      const accepted = await begun(next, [record('c')])
      accepted.transaction.setPosition('3')
      await world.time.until(accepted.transaction.commit())
      assert.equal(await world.time.until(next.producer.position()), '3')
      await world.time.until(next.producer.close())
      await world.end()
    })
  })
}

test('a broker that can not be asked for all offsets of a group is refused, and not asked for none', async () => {
  const world = await startTransactional(2, { cluster: { apiVersions: { OffsetFetch: [1, 1] } } })
  const error = await world.time.until(rejection(world.producer.position()))
  assert.match(error.message, /OffsetFetch/)
  await world.end()
})
