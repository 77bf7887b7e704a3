import type { Writable } from 'node:stream'
import type { Observable } from 'rxjs'
import type { Screen } from '../top/watch-top.js'

/** Where the page is, unless a flag says otherwise. */
export const DEFAULT_PORT = 8092

/** What these commands need of the command line; its own types have more. */
export interface CommandFlags {
  text(name: string): string | undefined
  isSet(name: string): boolean
  wholeNumber(name: string, min: number, max: number): number | undefined
}

export interface CommandIo {
  readonly stdout: Writable & Screen
  readonly interrupts$: Observable<unknown>
}

interface CommandFlag {
  readonly name: string
  readonly value?: string
  readonly help: string
}

/** A command, as `rx-kafka` runs it. */
export interface DashboardCommand {
  readonly spec: {
    readonly name: string
    readonly summary: string
    readonly usage: string
    readonly groups: readonly { readonly title: string; readonly flags: readonly CommandFlag[] }[]
    readonly examples: readonly (readonly [what: string, line: string])[]
  }
  /** @returns the exit code. */
  run(flags: CommandFlags, io: CommandIo): Promise<number>
}
