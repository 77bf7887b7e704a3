import { execFileSync } from 'node:child_process'

/** The release lines that are supported. */
export const LINES = [20, 22, 24, 26] as const

const found = new Map<number, string>()

/** Returns the program of a release line of Node, from npm. */
export function nodeOf(line: number): string {
  const known = found.get(line)
  if (known !== undefined) return known
  const args = ['--yes', '-p', `node@${line}`, '--', 'node', '-p', 'process.version + " " + process.execPath']
  const [version, path] = execFileSync('npx', args, { encoding: 'utf8' }).trim().split(' ')
  if (path === undefined || !version?.startsWith(`v${line}.`))
    throw new Error(`node@${line} of npm is ${version}, at ${path}`)
  found.set(line, path)
  return path
}
