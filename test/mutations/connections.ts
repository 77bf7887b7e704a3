import { CONNECTION } from './files.js'
import type { Mutation } from './mutation.js'

/** What finds brokers and keeps connections to them. */
export const CONNECTIONS: readonly Mutation[] = [
  {
    rule: 'bootstrap',
    name: 'the bootstrap list is read once',
    file: 'src/cluster/control-connections.ts',
    text: 'let listRead = false',
    instead: 'let listRead = this.#bootstrap.addresses.length > 0',
    checks: ['scenarios'],
  },
  {
    rule: 'bootstrap',
    name: 'REBOOTSTRAP_REQUIRED leaves the connections that it came from',
    file: 'src/cluster/brokers.ts',
    text: 'this.#control.startOver()',
    instead: 'this.#control.addressed()',
    checks: ['scenarios'],
  },
  {
    rule: 'bootstrap',
    name: 'REBOOTSTRAP_REQUIRED leaves what a function has returned',
    file: 'src/cluster/brokers.ts',
    text: 'this.#bootstrap.forget()',
    instead: 'this.#bootstrap.addresses',
    checks: ['scenarios'],
  },
  {
    rule: 'bootstrap',
    name: 'where a broker could not be mapped to once, it is never connected to again',
    file: 'src/cluster/control-connections.ts',
    text: 'candidate.address = address',
    instead: 'void address',
    checks: ['scenarios'],
  },
  {
    rule: 'idle connections',
    name: 'a connection that owes an answer is closed as idle',
    file: 'src/transport/idle-limit.ts',
    text: 'this.#isOwed() ? idleConnectionMs : this.#usedAt',
    instead: 'this.#usedAt',
    checks: ['scenarios'],
  },
  {
    rule: 'idle connections',
    name: 'a broker that closes an idle connection is waited for',
    file: 'src/cluster/broker.ts',
    text: 'if (endedIdle) {',
    instead: 'if (endedIdle && served === undefined) {',
    checks: ['scenarios'],
  },
  {
    rule: 'throttle',
    name: 'what is asked on a muted connection has no more time',
    file: CONNECTION,
    text: 'deadline: Math.max(now, this.#mutedUntil) + ',
    instead: 'deadline: now + ',
    checks: ['scenarios'],
  },
]
