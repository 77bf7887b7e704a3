import { conversations, goldens } from '../protocol/golden/fixtures.js'
import { startTappedWorld } from '../support/tapped-world.js'
import { open } from '../support/world.js'
import { APIS, framed, type Reply } from './reply.js'

/** Replies of other implementations, in every version that there is a codec for, and of the testing broker. */
export async function baseReplies(): Promise<Reply[]> {
  const written = goldens
    .filter(({ api, direction }) => direction === 'response' && APIS.includes(api))
    .map(({ api, version, header, body }) => ({ api, version, frame: framed(Buffer.concat([header, body])) }))
  const captured = conversations.filter(({ api, direction }) => direction === 'response' && APIS.includes(api))
  return [...written, ...captured, ...(await ofTheTestingBroker())]
}

async function ofTheTestingBroker(): Promise<Reply[]> {
  const replies: Reply[] = []
  const keep = (reply: Reply): Buffer => {
    replies.push(reply)
    return reply.frame
  }
  const world = await startTappedWorld(keep, {
    cluster: {
      nodes: 3,
      topics: {
        t: { partitions: 5 },
        other: { partitions: 1 },
        compacted: { partitions: 1, cleanupPolicy: 'compact' },
      },
    },
  })
  const { push, acks } = open(world.producer)
  for (let i = 0; i < 40; i++) push.next({ topic: i % 4 ? 't' : 'other', key: `k${i}`, value: 'v' })
  // Of these the answer names one.
  for (const key of ['k', null]) push.next({ topic: 'compacted', key, value: 'v' })
  await world.time.until(() => acks.values.length === 42)
  await world.end()
  return replies
}
