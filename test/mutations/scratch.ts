import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Mutation } from './mutation.js'
import { node } from './process.js'

export const REPOSITORY: string = fileURLToPath(new URL('../../', import.meta.url))

/** Whatever the checks need. */
const COPIED = ['build', 'src', 'test', 'examples', 'docs', 'package.json', 'tsconfig.json', 'tsconfig.build.json']

/** A copy of the repository, to break things in. */
export class Scratch {
  readonly root: string = mkdtempSync(join(tmpdir(), 'rx-kafka-mutations-'))

  constructor() {
    for (const name of COPIED) cpSync(join(REPOSITORY, name), join(this.root, name), { recursive: true })
    symlinkSync(join(REPOSITORY, 'node_modules'), join(this.root, 'node_modules'), 'dir')
  }

  /** Does something while the product is broken. */
  async broken<T>(mutation: Mutation, action: () => Promise<T>): Promise<T> {
    const path = join(this.root, mutation.file)
    const whole = readFileSync(path, 'utf8')
    writeFileSync(path, mutated(mutation, whole))
    try {
      await this.#compile(mutation)
      return await action()
    } finally {
      writeFileSync(path, whole)
    }
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  /** What does not compile turns every test red, and shows nothing. */
  async #compile({ name }: Mutation): Promise<void> {
    const lax = ['--noUnusedLocals', 'false', '--noUnusedParameters', 'false']
    const args = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--noEmit', ...lax]
    const { code, lines } = await node(this.root, args, () => false)
    if (code !== 0) throw new MutationError(`"${name}" does not compile: ${lines[0]}`)
  }
}

/** A mutation that does not fit the product (any more): it has to be written anew. */
export class MutationError extends Error {
  override name = 'MutationError'
}

/** The file's text with the mutation in it. */
export function mutated({ name, file, text, instead }: Mutation, whole: string): string {
  const times = whole.split(text).length - 1
  if (times !== 1) throw new MutationError(`"${name}" is to change a text that ${file} has ${times} times, not once`)
  return whole.replace(text, () => instead)
}
