import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TopicIds } from '../../src/producer/model/topic-ids.js'

function known(...ids: readonly string[]): TopicIds {
  const topicIds = new TopicIds()
  for (const id of ids) topicIds.take(id)
  return topicIds
}

test('another id is another topic; the first one, the same one, and none are not', () => {
  const ids = new TopicIds()
  assert.deepEqual(
    ['', 'a', 'a', '', 'a', 'b', '', 'b', 'c'].map(id => ids.take(id)),
    [false, false, false, false, false, true, false, false, true],
  )
})

test('an id that is known from before is out of date; the last one, a new one, and none are not', () => {
  const ids = known('a', 'b', 'c')
  assert.deepEqual(
    ['a', 'b', 'c', 'd', ''].map(id => ids.isOutdated(id, 0)),
    [true, true, false, false, false],
  )
})

test('an earlier topic is believed when answers have named no other for ten seconds', () => {
  const ids = known('a', 'b')
  assert.equal(ids.isOutdated('a', 1_000), true)
  assert.equal(ids.isOutdated('', 5_000), false)
  assert.equal(ids.isOutdated('a', 10_999), true)
  assert.equal(ids.isOutdated('a', 11_000), false)
  assert.equal(ids.take('a'), true)
  assert.equal(ids.isOutdated('b', 11_000), true)
})

test('one answer that names the topic of now begins the time anew', () => {
  const ids = known('a', 'b')
  assert.equal(ids.isOutdated('a', 0), true)
  assert.equal(ids.isOutdated('b', 9_000), false)
  assert.equal(ids.isOutdated('a', 10_000), true)
  assert.equal(ids.isOutdated('a', 19_999), true)
  assert.equal(ids.isOutdated('a', 20_000), false)
})

test('only so many earlier ids are kept', () => {
  const ids = known(...Array.from({ length: 1_000 }, (_, i) => `${i}`))
  assert.deepEqual(
    ['0', '988', '989', '998', '999'].map(id => ids.isOutdated(id, 0)),
    [false, false, true, true, false],
  )
})
