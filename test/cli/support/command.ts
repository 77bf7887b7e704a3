import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable, Writable } from 'node:stream'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Subject } from 'rxjs'
import type { Interrupt } from '../../../src/cli/io.js'
import { run } from '../../../src/cli/run.js'
import type { TestCluster } from '../../../src/testing/index.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** How a command ended, and what it wrote. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A command in a process of its own, as a user starts it. */
export interface Started {
  readonly child: ChildProcessWithoutNullStreams
  readonly out: { stdout: string; stderr: string }
  readonly ended: Promise<Ended>
  /** Resolves when what was written matches. */
  until(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray>
}

const children = new Set<ChildProcessWithoutNullStreams>()
after(() => {
  for (const child of children) child.kill('SIGKILL')
})

export function start(args: readonly string[], env: Record<string, string> = {}): Started {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, ...env },
  })
  children.add(child)
  const out = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', chunk => {
      out[name] += chunk
    })
  }
  child.stdin.on('error', () => {})
  const ended = once(child, 'close').then(([code]) => {
    children.delete(child)
    return { code: code as number | null, ...out }
  })
  return {
    ...{ child, out, ended },
    async until(stream, pattern) {
      for (;;) {
        const found = pattern.exec(out[stream])
        if (found !== null) return found
        const more = await Promise.race([ended, once(child[stream], 'data').then(() => undefined)])
        assert.equal(more, undefined, `ended with ${more?.code}: ${more?.stderr}`)
      }
    },
  }
}

/** A command in this process: a process for each takes half a second. */
export interface Here {
  readonly ended: Promise<Ended>
  readonly interrupts$: Subject<Interrupt>
  readonly stdin: PassThrough
  /** The code of an exit at once. */
  exited: number | undefined
  readonly out: { stdout: string; stderr: string }
}

export function startHere(
  args: readonly string[],
  { env = {}, isTTY = false }: { readonly env?: Record<string, string>; readonly isTTY?: boolean } = {},
): Here {
  const out = { stdout: '', stderr: '' }
  const writer = (name: 'stdout' | 'stderr'): Writable =>
    new Writable({
      write(chunk, _, done) {
        out[name] += chunk
        done()
      },
    })
  const here: Here = {
    ...{ out, interrupts$: new Subject(), stdin: new PassThrough(), exited: undefined },
    ended: undefined as never,
  }
  const io = {
    stdin: here.stdin,
    stdout: writer('stdout'),
    stderr: Object.assign(writer('stderr'), { isTTY, columns: 200 }),
    env,
    interrupts$: here.interrupts$,
    exit(code: number): never {
      here.exited = code
      return undefined as never
    },
  }
  return Object.assign(here, { ended: run(args, io).then(code => ({ code, ...out })) })
}

/** Runs a command with all of its input. */
export function runHere(
  args: readonly string[],
  options: { readonly env?: Record<string, string>; readonly stdin?: string } = {},
): Promise<Ended> {
  const here = startHere(args, options)
  Readable.from(options.stdin === undefined ? [] : [options.stdin]).pipe(here.stdin)
  return here.ended
}

/** A folder that is removed at the end of the file's tests. */
export function tempFolder(): (name: string, content?: string | Uint8Array) => string {
  const folder = mkdtempSync(join(tmpdir(), 'rx-kafka-cli-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  return (name, content) => {
    const path = join(folder, name)
    if (content !== undefined) writeFileSync(path, content)
    return path
  }
}

interface Stored {
  readonly partition: number
  readonly timestamp: bigint
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly string[]
}

/** The values of a topic, partition by partition. */
export function values(cluster: TestCluster, topic: string): (string | null)[] {
  return stored(cluster, topic).map(({ value }) => value)
}

/** The records of a topic as text, partition by partition. */
export function stored(cluster: TestCluster, topic: string): Stored[] {
  const partitions = cluster.topics.get(topic) ?? 0
  return [...Array(partitions).keys()].flatMap(partition =>
    cluster.records(topic, partition).map(({ key, value, headers, timestamp }) => ({
      ...{ partition, timestamp },
      key: key === null ? null : `${key}`,
      value: value === null ? null : `${value}`,
      headers: headers.map(([name, data]) => `${name}=${data}`),
    })),
  )
}
