import { brokerError } from '../../src/protocol/error-codes.js'
import { REQUEST_FAULTS, type RequestFault } from './leader.js'
import type { World } from './world.js'

/** A step that can be taken in some state. */
export interface Action {
  readonly name: string
  /** Nothing goes wrong in it, and a producer that is left alone will come to it. */
  readonly benign: boolean
  run(world: World): void
}

function action(name: string, benign: boolean, run: (world: World) => void): Action {
  return { name, benign, run }
}

function perNode(name: string, benign: boolean, run: (world: World, node: number) => void): Record<number, Action> {
  return Object.fromEntries(
    [1, 2].map(node => [node, action(`${name} (node ${node})`, benign, world => run(world, node))]),
  )
}

const ADD = action('a batch becomes available', true, world => world.add())
const TAKE = action('the producer sends a batch', true, world => world.take())
const RESUME = action('the back-off ends', true, world => world.partition.backOffEnded())
const LEARN = action('metadata tells of the leader', true, world => world.learn())
const REFRESH = action('metadata comes, and says nothing new', false, world => world.refresh())
const IDENTIFY = action('a new producer id comes', true, world => world.identify())
const CARRY_OUT = perNode('the broker carries out a request', true, (world, node) => world.carryOut(node))
const DELIVER = perNode('a reply arrives', true, (world, node) => world.deliver(node))
const FAIL = Object.fromEntries(
  (Object.keys(REQUEST_FAULTS) as RequestFault[]).map(fault => [
    fault,
    perNode(
      `the broker answers a request with ${brokerError(REQUEST_FAULTS[fault]).name} (${fault})`,
      false,
      (world, node) => world.carryOut(node, fault),
    ),
  ]),
)
const CUT = perNode('the connection is cut', false, (world, node) => world.cut(node))
const MOVE = action('the leader moves', false, world => world.move(false))
const MOVE_AND_LOSE = action('the leader moves, and the unconfirmed tail is lost', false, world => world.move(true))
const CLOSE = action('the producer is closed', false, world => world.close())
const FORGET = action('the broker forgets the producer', false, world => world.forget())
const RESTART = action('the broker starts again, with the last batch of the producer in mind', false, world =>
  world.restart(),
)
const indexes = Array.from({ length: 8 }, (_, i) => i)
const LATE = indexes.map(i =>
  action(`a request of cut connection ${i} is carried out late`, false, world => world.carryOutLate(i)),
)
const EXPIRE = indexes.map(i => action(`batch ${i} of those left expires`, false, world => world.expire(i)))

/** From the first state to one with the window open. */
export const OPENING: readonly Action[] = [ADD, TAKE, CARRY_OUT[1]!, DELIVER[1]!]

/** What can happen in a state. */
export function available(world: World): Action[] {
  const { partition, bounds } = world
  const found: Action[] = world.late.map((_, i) => LATE[i]!)
  if (world.closed) return found
  if (bounds.closes) found.push(CLOSE)
  if (world.added < bounds.batches.length) found.push(ADD)
  if (partition.sendable && world.outstanding(partition.leader) < bounds.window) found.push(TAKE)
  if (partition.phase === 'paused') found.push(RESUME)
  if (partition.leader !== world.leader.node) found.push(LEARN)
  if (partition.sequences.identity === undefined) found.push(IDENTIFY)
  for (const { node, requests } of world.links) {
    if (requests[0]!.reply !== undefined) found.push(DELIVER[node]!)
    if (requests.at(-1)!.reply === undefined) {
      found.push(CARRY_OUT[node]!)
      if (world.faults > 0 && node === world.leader.node) {
        for (const kind of bounds.kinds)
          if (kind !== 'cut' && kind !== 'forget' && kind !== 'restart') found.push(FAIL[kind]![node]!)
      }
    }
    if (world.faults > 0 && bounds.kinds.includes('cut')) found.push(CUT[node]!)
  }
  if (world.moves > 0) {
    found.push(MOVE)
    if (bounds.losesTail && world.leader.committed < world.leader.log.length) found.push(MOVE_AND_LOSE)
  }
  if (world.faults > 0 && bounds.kinds.includes('forget') && world.nothingOpen) found.push(FORGET)
  if (world.faults > 0 && bounds.kinds.includes('restart') && world.leader.log.length > 1) found.push(RESTART)
  if (world.expiries > 0) found.push(...world.expirable.map((_, i) => EXPIRE[i]!))
  if (world.refreshes > 0 && partition.leader === world.leader.node) found.push(REFRESH)
  return found
}
