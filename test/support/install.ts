import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const tsc = join(root, 'node_modules/.bin/tsc')

/** A project of its own in which the library is installed as its package has it: built, and found through `exports`. */
export interface Project {
  readonly folder: string
  remove(): void
}

/** Creates a project with these files, beneath this one, so that its development dependencies are found. */
export function createProject(files: Readonly<Record<string, string>>): Project {
  const folder = mkdtempSync(join(root, 'node_modules', '.project-'))
  const library = join(folder, 'node_modules/rx-kafka')
  mkdirSync(library, { recursive: true })
  copyFileSync(join(root, 'package.json'), join(library, 'package.json'))
  const build = ['--import', 'tsx', 'build/build.ts', join(library, 'dist')]
  execFileSync(process.execPath, build, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Runs the compiler; throws with what it says. */
export function compile(...args: string[]): void {
  try {
    execFileSync(tsc, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    throw new Error((error as { stdout: string }).stdout, { cause: error })
  }
}
