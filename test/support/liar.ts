import type { InitProducerIdResponse } from '../../src/protocol/messages/init-producer-id.js'
import type { MetadataResponse } from '../../src/protocol/messages/metadata.js'
import type { ProduceResponse } from '../../src/protocol/messages/produce.js'
import { decode, encodedAnew } from '../fuzz/reply.js'
import { startTappedWorld } from './tapped-world.js'
import type { World, WorldOptions } from './world.js'

/** The answers that may be lies, by API. */
interface Answers {
  ApiVersions: object
  /** The metadata without topics that each connection begins with, for the id of the cluster. */
  ClusterId: MetadataResponse
  Metadata: MetadataResponse
  InitProducerId: InitProducerIdResponse
  Produce: ProduceResponse
}

/** For each API, what becomes of an answer: the `count`th of its kind, from 1. Those that are not here stay as they are. */
export type Lies = { readonly [K in keyof Answers]?: (answer: Answers[K], count: number) => Answers[K] }

/** A world whose brokers' answers are changed on their way: valid, as they are encoded anew, and not true. */
export async function startLyingWorld(lies: Lies, options: WorldOptions = {}): Promise<World> {
  const counts = new Map<string, number>()
  return await startTappedWorld(reply => {
    const answer = decode(reply)
    const name = isOwn(reply.api.name, answer) ? 'ClusterId' : reply.api.name
    const lie = lies[name as keyof Answers] as ((answer: unknown, count: number) => unknown) | undefined
    if (lie === undefined) return reply.frame
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    return encodedAnew(reply, lie(answer, count))
  }, options)
}

function isOwn(api: string, answer: unknown): boolean {
  return api === 'Metadata' && (answer as MetadataResponse).topics.length === 0
}
