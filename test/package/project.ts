/** What every kind of project is tested with: an empty folder, the packed library, and programs that must print what is expected. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root: string = fileURLToPath(new URL('../../', import.meta.url))

const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  devDependencies: Readonly<Record<string, string>>
}

/** A package in the version that this repository is developed with. */
export function ours(name: string): string {
  const version = devDependencies[name]
  if (version === undefined) throw new Error(`${name} is not among the devDependencies`)
  return `${name}@${version}`
}

/** One kind of project. Throws what is wrong, also when its tools cannot be had: nothing is skipped. */
export interface Kind {
  readonly name: string
  run(project: Project): void
}

export class Project {
  readonly #folder: string
  readonly #tarball: string
  readonly #say: (line: string) => void

  constructor(folder: string, tarball: string, say: (line: string) => void) {
    this.#folder = folder
    this.#tarball = tarball
    this.#say = say
    mkdirSync(folder, { recursive: true })
  }

  /** A project of its own in a folder of this one. */
  sub(name: string): Project {
    return new Project(join(this.#folder, name), this.#tarball, this.#say)
  }

  path(file: string): string {
    return join(this.#folder, file)
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(this.path(file)), { recursive: true })
      writeFileSync(this.path(file), text)
    }
  }

  /** Writes package.json, and installs the library, RxJS and `packages` as a user would. */
  install(packages: readonly string[], manifest: object = {}): void {
    this.write({ 'package.json': JSON.stringify({ name: 'empty', private: true, ...manifest }) })
    const rxjs = packages.some(name => name.startsWith('rxjs@')) ? [] : [ours('rxjs')]
    this.add([...rxjs, ...packages])
  }

  /** Installs the library and `packages` beside what there is. */
  add(packages: readonly string[]): void {
    this.npmInstall(this.#tarball, ...packages)
  }

  npmInstall(...packages: readonly string[]): void {
    this.run('npm', 'install', '--no-audit', '--no-fund', '--loglevel=error', ...packages)
  }

  /** Runs a command, and returns what it printed. @throws with that when it fails. */
  run(command: string, ...args: readonly string[]): string {
    const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
      cwd: this.#folder,
      encoding: 'utf8',
      timeout: 600_000,
      maxBuffer: 1 << 28,
      // As from a user's shell: no configuration of the script that runs this test, but for the registry.
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle)_/.test(name))),
    })
    if (error !== undefined) throw new Error(`${command} cannot be run: ${error.message}`)
    if (status !== 0)
      throw new Error(`${[command, ...args].join(' ')} ended with ${status ?? signal}:\n${stdout}${stderr}`)
    return stdout + stderr
  }

  /** Runs a command whose last line must be `expected`, and says that it was. */
  expect(what: string, expected: string, command: string, ...args: readonly string[]): void {
    const output = this.run(command, ...args)
    const last = output.trim().split('\n').at(-1)
    if (last !== expected) throw new Error(`${what}: expected ${JSON.stringify(expected)} as its last line:\n${output}`)
    this.#say(what)
  }

  /** Runs a test runner, which must have run `count` tests and says so in a way that `passed` matches. */
  expectTests(what: string, passed: RegExp, command: string, ...args: readonly string[]): void {
    const output = this.run(command, ...args)
    // The colours aside.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they begin with one
    if (!passed.test(output.replace(/\x1b\[[\d;]*m/g, '')))
      throw new Error(`${what}: no ${passed} in its output:\n${output}`)
    this.#say(what)
  }

  /** Runs a check that prints nothing, such as the compiler's. */
  check(what: string, command: string, ...args: readonly string[]): void {
    this.run(command, ...args)
    this.ok(what)
  }

  ok(what: string): void {
    this.#say(what)
  }
}
