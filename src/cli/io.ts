import type { Readable, Writable } from 'node:stream'
import type { Observable } from 'rxjs'

export type Interrupt = 'SIGINT' | 'SIGTERM'

/** What a command has of its process. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly interrupts$: Observable<Interrupt>
  /** Ends the process at once. */
  exit(code: number): never
}
