import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { exportedModules } from '../../docs/site/entry-points.js'
import { DECLARATIONS } from './around.js'
import { blocksOf, pages, root } from './blocks.js'

// Folders are beneath the project, so that its packages are found.
const folderOf = (): string => mkdtempSync(join(root, 'node_modules', '.docs-'))

const config = {
  extends: '../../tsconfig.json',
  compilerOptions: {
    paths: Object.fromEntries(exportedModules().map(({ name, source }) => [name, [`../../${source}`]])),
    isolatedDeclarations: false,
    declaration: false,
    // A block shows what there is, not what becomes of it.
    noUnusedLocals: false,
    noUnusedParameters: false,
  },
  include: ['*'],
  exclude: [],
}

test('documentation: every block of TypeScript compiles', () => {
  const blocks = pages.flatMap(({ file, section }) => blocksOf(file, section)).filter(({ lang }) => lang === 'ts')
  assert.ok(blocks.length > 30, `${blocks.length} blocks`)
  const folder = folderOf()
  try {
    writeFileSync(join(folder, 'around.d.ts'), DECLARATIONS)
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    for (const { file, line, code, mode } of blocks) {
      if (mode === 'shown') continue
      writeFileSync(join(folder, `${file.replaceAll('/', '.')}.${line}.ts`), `${code}\nexport {}\n`)
    }
    const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder, '--noEmit'], { encoding: 'utf8' })
    assert.equal(tsc.status, 0, tsc.stdout + tsc.stderr)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

for (const { file, section } of pages) {
  test(`${file}${section === undefined ? '' : `, ${section}`}: its blocks run, and do what the page says`, async () => {
    const folder = folderOf()
    try {
      const runner = fileURLToPath(new URL('run-page.ts', import.meta.url))
      const args = ['--import', 'tsx', runner, folder, file, ...(section === undefined ? [] : [section])]
      const child = spawn(process.execPath, args, { cwd: root, timeout: 120_000, killSignal: 'SIGKILL' })
      let printed = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', chunk => {
          printed += chunk
        })
      await once(child, 'close')
      assert.equal(child.exitCode, 0, printed)
      const shown = blocksOf(file, section).filter(({ mode }) => mode === 'shown').length
      assert.match(printed, new RegExp(`^${blocksOf(file, section).length - shown} blocks$`, 'm'))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
}
