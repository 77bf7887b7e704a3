import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { entra, google, mskIam } from '../../examples/support/tokens.js'
import { createProducer } from '../../src/index.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const snippetsOf = (file: string): string[] =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!)
const clusters = snippetsOf('docs/clusters.md')

/** Writes the snippets into a folder beneath the project, so that its packages are found. */
function inFolder<T>(snippets: readonly string[], use: (folder: string) => T): T {
  const folder = mkdtempSync(join(root, 'node_modules', '.docs-'))
  const config = {
    extends: '../../tsconfig.json',
    compilerOptions: { paths: { 'rx-kafka': ['../../src/index.ts'] }, declaration: false, isolatedDeclarations: false },
    include: ['*'],
    exclude: [],
  }
  try {
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    for (const [i, code] of snippets.entries()) writeFileSync(join(folder, `snippet-${i}.ts`), `${code}\nexport {}\n`)
    return use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('what docs/clusters.md and docs/tls.md show compiles', () => {
  assert.equal(clusters.length, 6)
  const shown = [
    ...clusters,
    ...snippetsOf('docs/tls.md').map(code => code.replace('const producer', 'export const producer')),
  ]
  inFolder(shown, folder => {
    const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder, '--noEmit'], { encoding: 'utf8' })
    assert.equal(tsc.status, 0, tsc.stdout + tsc.stderr)
  })
})

test('createProducer() takes the options that docs/clusters.md shows', async () => {
  const env = { ...process.env }
  for (const [name] of clusters.join('').matchAll(/(?<=process\.env\.)\w+/g)) process.env[name] = 'secret'
  const modules = clusters.map(code =>
    code
      .replace("from 'rx-kafka'", `from '${pathToFileURL(join(root, 'src/index.ts'))}'`)
      .replace('declare function', 'async function')
      .replace(/(async function .*\}>)$/m, "$1 { return { token: 't', expiryTime: 2e12 } }"),
  )
  const folder = mkdtempSync(join(root, 'test', '.docs-'))
  try {
    for (const [i, code] of modules.entries()) {
      const file = join(folder, `cluster-${i}.ts`)
      writeFileSync(file, code)
      const { options } = await import(pathToFileURL(file).href)
      const producer = createProducer(options)
      await producer.close()
    }
  } finally {
    rmSync(folder, { recursive: true })
    process.env = env
  }
})

test('examples: tokens of AWS, Azure and Google are what their brokers take, with their end', async () => {
  const expiresAt = Date.UTC(2031, 0)
  const msk = mskIam(async ({ region }) => ({ token: `signed for ${region}`, expiryTime: expiresAt }), 'eu-central-1')
  assert.deepEqual(await msk(), { value: 'signed for eu-central-1', expiresAt })

  const asked: string[] = []
  const azure = entra(
    {
      getToken: async scope => {
        asked.push(scope)
        return { token: 'of Entra', expiresOnTimestamp: expiresAt }
      },
    },
    'ns.servicebus.windows.net',
  )
  assert.deepEqual(await azure(), { value: 'of Entra', expiresAt })
  assert.deepEqual(asked, ['https://ns.servicebus.windows.net/.default'])
  await assert.rejects(entra({ getToken: async () => null }, 'ns')(), /gave no token/)

  const client = { credentials: { expiry_date: expiresAt }, getAccessToken: async () => ({ token: 'of Google' }) }
  const token = await google(client, 'app@project.iam.gserviceaccount.com')()
  assert.equal(token.expiresAt, expiresAt)
  const [header, claims, access] = token.value.split('.').map(part => Buffer.from(part, 'base64url').toString())
  assert.deepEqual(JSON.parse(header!), { typ: 'JWT', alg: 'GOOG_OAUTH2_TOKEN' })
  assert.equal(JSON.parse(claims!).sub, 'app@project.iam.gserviceaccount.com')
  assert.equal(JSON.parse(claims!).exp, expiresAt / 1000)
  assert.equal(access, 'of Google')
})
