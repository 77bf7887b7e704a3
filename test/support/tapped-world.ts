import type { Reply } from '../fuzz/reply.js'
import { Tap } from '../fuzz/tap.js'
import { startWorld, type World, type WorldOptions } from './world.js'

/** A world in which `tamper` gives the frame that takes the place of each answer. */
export async function startTappedWorld(tamper: (reply: Reply) => Buffer, options: WorldOptions = {}): Promise<World> {
  const tap = new Tap(tamper)
  const world = await startWorld({ ...options, producer: { transport: tap, ...options.producer } })
  tap.inner = world.network
  return world
}
