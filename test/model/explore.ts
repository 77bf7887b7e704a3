import { type Action, available, OPENING } from './actions.js'
import { type Bounds, World } from './world.js'

export interface Exploration {
  readonly states: number
  readonly transitions: number
  /** Steps to the state that is farthest from the first one. */
  readonly depth: number
  /** States in which every record has its end. */
  readonly over: number
}

/** States are numbered from 0, the first one; each but that was first reached by an action from another. */
interface State {
  readonly from: number
  readonly by: Action | undefined
  readonly actions: readonly Action[]
  readonly depth: number
  /** As it was made first: good for one action. */
  world: World | undefined
}

/**
 * Visits every state that can be reached within the bounds, breadth first, so that what leads to a violation is a shortest
 * path. The objects in a state can't be copied: a state is made again, by its path, for each action that is tried in it.
 *
 * @throws an Error that tells the path, for a state that breaks an invariant, or one from which the records would not all
 *   come to an end though nothing goes wrong any more.
 */
export function explore(bounds: Bounds): Exploration {
  const { stackTraceLimit } = Error
  // Every failure that is answered makes an Error, of which nobody reads the stack.
  Error.stackTraceLimit = 0
  try {
    return new Explorer(bounds).run()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

class Explorer {
  readonly #bounds: Bounds
  readonly #states: State[] = []
  readonly #numbers = new Map<string, number>()
  /** Of what happens without anything going wrong: where it leads, and from where. */
  readonly #to: number[] = []
  readonly #from: number[] = []
  readonly #over: number[] = []
  #transitions = 0

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  run(): Exploration {
    this.#visit(this.#first(), -1, undefined)
    for (let number = 0; number < this.#states.length; number++) {
      for (const action of this.#states[number]!.actions) this.#step(number, action)
    }
    this.#checkThatAllEnds()
    return {
      states: this.#states.length,
      transitions: this.#transitions,
      depth: this.#states.at(-1)!.depth,
      over: this.#over.length,
    }
  }

  #step(from: number, action: Action): void {
    this.#transitions++
    const world = this.#take(from)
    try {
      world.run(action.run)
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.#describe(from, action)}`, { cause: error })
    }
    const to = this.#visit(world, from, action)
    if (!action.benign) return
    this.#from.push(from)
    this.#to.push(to)
  }

  #visit(world: World, from: number, by: Action | undefined): number {
    const fingerprint = world.fingerprint()
    const known = this.#numbers.get(fingerprint)
    if (known !== undefined) return known
    const number = this.#states.length
    this.#numbers.set(fingerprint, number)
    const actions = available(world)
    const depth = from === -1 ? 0 : this.#states[from]!.depth + 1
    this.#states.push({ from, by, actions, depth, world: actions.length > 0 ? world : undefined })
    if (world.over) this.#over.push(number)
    return number
  }

  #take(number: number): World {
    const state = this.#states[number]!
    const made = state.world
    state.world = undefined
    if (made !== undefined) return made
    const world = this.#first()
    for (const action of this.#path(number)) world.run(action.run, true)
    return world
  }

  #first(): World {
    const world = new World(this.#bounds)
    if (this.#bounds.open) for (const action of OPENING) world.run(action.run)
    return world
  }

  #path(number: number): Action[] {
    const path: Action[] = []
    for (let state = this.#states[number]!; state.by !== undefined; state = this.#states[state.from]!)
      path.push(state.by)
    return path.reverse()
  }

  /** Goes back from the ends: what is not reached that way can't come to one. */
  #checkThatAllEnds(): void {
    const before = new Map<number, number[]>()
    this.#to.forEach((to, i) => {
      const known = before.get(to)
      if (known === undefined) before.set(to, [this.#from[i]!])
      else known.push(this.#from[i]!)
    })
    const ends = new Uint8Array(this.#states.length)
    const reached = [...this.#over]
    for (const number of reached) ends[number] = 1
    for (let number = reached.pop(); number !== undefined; number = reached.pop()) {
      for (const from of before.get(number) ?? []) {
        if (ends[from] === 1) continue
        ends[from] = 1
        reached.push(from)
      }
    }
    const stuck = ends.indexOf(0)
    if (stuck !== -1) throw new Error(`records never come to an end\n${this.#describe(stuck)}`)
  }

  #describe(number: number, last?: Action): string {
    const path = last === undefined ? this.#path(number) : [...this.#path(number), last]
    return path.map(({ name }, i) => `  ${i + 1}. ${name}`).join('\n')
  }
}
