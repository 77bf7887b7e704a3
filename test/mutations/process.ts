import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** What a process came to. */
export interface Ended {
  readonly lines: readonly string[]
  /** 0: all is well. Another one, or null, where it was ended. */
  readonly code: number | null
  readonly hung: boolean
}

/** Far more than any check takes. */
const LIMIT_MS = 240_000

let running: ChildProcess | undefined

/**
 * Runs Node in a process group of its own, for checks start processes too.
 *
 * @param enough tells by a line of its output that the rest need not be waited for.
 */
export async function node(cwd: string, args: readonly string[], enough: (line: string) => boolean): Promise<Ended> {
  const child = spawn(process.execPath, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  running = child
  const lines: string[] = []
  let hung = false
  const timer = setTimeout(() => {
    hung = true
    endRunning()
  }, LIMIT_MS)
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', line => {
      lines.push(line)
      if (enough(line)) endRunning()
    })
  }
  // What it started and did not end would keep its output open.
  child.once('exit', endRunning)
  const [code] = await once(child, 'close')
  clearTimeout(timer)
  running = undefined
  return { lines, code, hung }
}

/** Ends the process that runs, and all that it has started. */
export function endRunning(): void {
  if (running?.pid === undefined) return
  try {
    process.kill(-running.pid, 'SIGKILL')
  } catch (error) {
    // They have ended by themselves.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
