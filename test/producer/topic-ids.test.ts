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
    ['a', 'b', 'c', 'd', ''].map(id => ids.isOutdated(id, false, 0)),
    [true, true, false, false, false],
  )
})

test('an earlier topic is believed when answers have named no other for ten seconds', () => {
  const ids = known('a', 'b')
  assert.equal(ids.isOutdated('a', false, 1_000), true)
  assert.equal(ids.isOutdated('', false, 5_000), false)
  assert.equal(ids.isOutdated('a', false, 10_999), true)
  assert.equal(ids.isOutdated('a', false, 11_000), false)
  assert.equal(ids.take('a'), true)
  assert.equal(ids.isOutdated('b', false, 11_000), true)
})

test('one answer that names the topic of now begins the time anew', () => {
  const ids = known('a', 'b')
  assert.equal(ids.isOutdated('a', false, 0), true)
  assert.equal(ids.isOutdated('b', false, 9_000), false)
  assert.equal(ids.isOutdated('a', false, 10_000), true)
  assert.equal(ids.isOutdated('a', false, 19_999), true)
  assert.equal(ids.isOutdated('a', false, 20_000), false)
})

test('only so many earlier ids are kept', () => {
  const ids = known(...Array.from({ length: 1_000 }, (_, i) => `${i}`))
  assert.deepEqual(
    ['0', '988', '989', '998', '999'].map(id => ids.isOutdated(id, false, 0)),
    [false, false, true, true, false],
  )
})

test('metadata with the current id is outdated while it names an older leader, until nobody says anything else for long', () => {
  const ids = new TopicIds()
  ids.take('a')
  assert.equal(ids.isOutdated('a', true, 0), true)
  assert.equal(ids.isOutdated('a', true, 9_999), true)
  assert.equal(ids.isOutdated('a', true, 10_000), false)
  assert.equal(ids.isOutdated('a', false, 10_001), false)
  assert.equal(ids.isOutdated('a', true, 10_002), true, 'doubted anew')
  assert.equal(ids.isOutdated('b', true, 10_003), false, 'epochs of another topic begin anew')
  assert.equal(ids.isOutdated('', true, 10_004), false, 'without ids nobody can tell')
})
