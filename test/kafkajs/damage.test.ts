/** The fault matrix, by programs of kafkajs's API: this library damages nothing, and what kafkajs does is seen. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import kafkajs from 'kafkajs'
import own from '../../src/kafkajs/index.js'
import { damageOf, SCENARIOS } from './damage.js'

const NONE = { lost: 0, twice: 0, reordered: 0, failed: 0 }

for (const atOnce of [1, 4]) {
  describe(`${atOnce === 1 ? 'one send after the other' : 'four sends at a time'}: nothing is lost, stored twice, reordered or refused`, () => {
    for (const scenario of SCENARIOS) {
      test(scenario.what, async () => assert.deepEqual(await damageOf(own, {}, atOnce, scenario, 300), NONE))
    }
  })
}

test('where kafkajs stores messages twice, that is counted', async () => {
  const lost = SCENARIOS.find(({ what }) => what === 'stored, and the answer is lost')!
  const { twice } = await damageOf(kafkajs, {}, 1, lost)
  assert.ok(twice > 0)
})
