import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root: string = fileURLToPath(new URL('../../', import.meta.url))

/**
 * What a comment above a block says of it:
 *
 *     <!-- stores: orders 3, payments 1 -->    it runs, and then these topics hold so many records
 *     <!-- exits: 1 -->                        a shell block: the exit code of its last command. Default 0
 *     <!-- test -->                            a file of tests for `node --test`
 *     <!-- not run: why -->                    it is only checked: TypeScript is compiled, `rx-kafka produce` gets `--dry-run`
 *     <!-- shown: why -->                      it is no code of this library, and nothing checks it
 *
 * A block without a comment runs. A block of `text` right behind one that runs is what it prints; `…` stands for anything.
 */
export interface Block {
  readonly file: string
  readonly line: number
  readonly lang: string
  readonly code: string
  readonly stores: ReadonlyMap<string, number>
  readonly exits: number
  readonly mode: 'run' | 'test' | 'check' | 'shown'
  /** What it prints. */
  readonly output: string | undefined
}

const FENCE = /^(?:<!-- (.*?) -->\n)?```(\w*)\n([\s\S]*?)^```$/gm

/** The blocks of a page that have a language, in order; of the README those of a section. */
export function blocksOf(file: string, section?: string): Block[] {
  const whole = readFileSync(join(root, file), 'utf8')
  const from = section === undefined ? 0 : whole.indexOf(`\n## ${section}\n`)
  const to = section === undefined ? whole.length : whole.indexOf('\n## ', from + 1)
  const blocks: Block[] = []
  let end = 0
  for (const { 0: all, 1: said = '', 2: lang, 3: code, index } of whole.matchAll(FENCE)) {
    if (index < from || index > to || lang === '') continue
    const before = blocks.at(-1)
    if (lang === 'text') {
      if (before === undefined || whole.slice(end, index).trim() !== '')
        throw new Error(`${file}: the output \`${code!.slice(0, 40)}\` does not stand behind a block that prints it`)
      blocks[blocks.length - 1] = { ...before, output: code! }
      continue
    }
    const line = whole.slice(0, index).split('\n').length + (said === '' ? 0 : 1)
    blocks.push({ file, line, lang: lang!, code: code!, ...readComment(said, `${file}:${line}`), output: undefined })
    end = index + all.length
  }
  return blocks
}

function readComment(said: string, where: string): Pick<Block, 'stores' | 'exits' | 'mode'> {
  const [kind, rest = ''] = said.split(/: (.*)/s)
  const plain = { stores: new Map<string, number>(), exits: 0, mode: 'run' as const }
  const reasoned = (): void => {
    if (rest === '') throw new Error(`${where}: the comment \`${said}\` gives no reason`)
  }
  switch (kind) {
    case '':
      return plain
    case 'stores':
      return { ...plain, stores: new Map(rest.split(', ').map(one => [one.split(' ')[0]!, Number(one.split(' ')[1])])) }
    case 'exits':
      return { ...plain, exits: Number(rest) }
    case 'test':
      return { ...plain, mode: 'test' }
    case 'not run':
      reasoned()
      return { ...plain, mode: 'check' }
    case 'shown':
      reasoned()
      return { ...plain, mode: 'shown' }
    default:
      throw new Error(`${where}: nothing knows the comment \`${said}\``)
  }
}

interface PageWithBlocks {
  readonly file: string
  readonly section?: string
}

const PAGES: readonly PageWithBlocks[] = [
  // The tests of its other sections are beside the examples.
  { file: 'README.md', section: 'Options' },
  ...readdirSync(join(root, 'docs'))
    // The guide of Nest is an application: test/nestjs/guide.test.ts compiles it as `nest new` does, and runs it.
    .filter(name => name.endsWith('.md') && name !== 'nestjs.md')
    .map(name => ({ file: `docs/${name}` })),
]

/** Every page of the documentation, without those that have no blocks. */
export const pages: readonly PageWithBlocks[] = PAGES.filter(({ file, section }) => blocksOf(file, section).length > 0)
