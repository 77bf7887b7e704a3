/**
 * `npm run docs`: the documentation as a site of files, in `docs/site/out`. Its links are relative, so it can be served beneath any path, or
 * opened without a server.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { examples } from '../../examples/support/catalog.js'
import { assemble } from './assemble.js'
import { exportedModules } from './entry-points.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../../', import.meta.url))
const cache = join(here, '.cache')

const run = (command: string, args: readonly string[], env: Record<string, string> = {}): void => {
  const { status } = spawnSync(command, args, { cwd: here, stdio: 'inherit', env: { ...process.env, ...env } })
  if (status !== 0) {
    console.error(`npm run docs: ${command} ${args.join(' ')} failed`)
    process.exit(1)
  }
}

if (!existsSync(join(here, 'node_modules/typedoc'))) run('npm', ['ci'])

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly repository?: { readonly url: string }
}
const repository = manifest.repository?.url.replace(/^git\+/, '').replace(/\.git$/, '')
const { documents, home } = assemble(root, join(cache, 'pages'), examples, repository)

/** The source of each entry point, by the name under which it is imported. */
const modules = Object.fromEntries(exportedModules().map(({ name, source }) => [source, name]))

const settings = {
  $schema: 'https://typedoc.org/schema.json',
  plugin: [join(here, 'plugin.mjs')],
  entryPoints: Object.keys(modules).map(file => join(root, file)),
  tsconfig: join(root, 'tsconfig.build.json'),
  // TypeScript 7 checks declarations, in `npm run types`; this one is stricter about some of them.
  compilerOptions: { isolatedDeclarations: false },
  projectDocuments: documents,
  readme: home,
  out: join(here, 'out'),
  router: 'pages',
  name: 'rx-kafka',
  customCss: join(here, 'style.css'),
  favicon: join(here, 'favicon.svg'),
  githubPages: true,
  excludePrivate: true,
  excludeProtected: true,
  excludeInternal: true,
  excludeExternals: true,
  disableSources: repository === undefined,
  ...(repository === undefined
    ? {}
    : { sourceLinkTemplate: `${repository}/blob/main/{path}#L{line}`, gitRevision: 'main' }),
  alwaysCreateEntryPointModule: true,
  headings: { readme: false },
  preservedTypeAnnotationTags: ['@throws'],
  searchInDocuments: true,
  includeVersion: true,
  hideGenerator: true,
  sort: ['kind', 'instance-first', 'required-first', 'alphabetical-ignoring-documents'],
  navigation: { includeFolders: false },
  highlightLanguages: [
    'typescript',
    'javascript',
    'json',
    'jsonc',
    'bash',
    'sh',
    'yaml',
    'sql',
    'xml',
    'properties',
    'dockerfile',
    'tsx',
  ],
  validation: { notExported: true, invalidLink: true, invalidPath: true, rewrittenLink: true, notDocumented: true },
  requiredToBeDocumented: ['Class', 'Interface', 'TypeAlias', 'Function', 'Variable', 'Module'],
  // The values of the first are in the doc comment of `CompressionCodec`; the others are kafkajs's.
  intentionallyNotExported: ['CodecName', 'Errors', 'Codecs'],
  treatWarningsAsErrors: true,
  logLevel: 'Warn',
}
const config = join(cache, 'typedoc.json')
writeFileSync(config, JSON.stringify(settings, undefined, 2))
run(process.execPath, [join(here, 'node_modules/typedoc/bin/typedoc'), '--options', config], {
  DOCS_MODULES: JSON.stringify(modules),
})
console.log(`the documentation is in ${join(here, 'out')}`)
