/** `npm run build`: makes dist/, or the folder that is named, all of the package's code and types, of src/. */
import { cpSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { writeBundle } from './bundle.js'
import { writeDeclarations } from './declarations.js'
import { entryPoints, root } from './entry-points.js'

const dist = resolve(root, process.argv[2] ?? 'dist')
const entries = entryPoints()
rmSync(dist, { recursive: true, force: true })
const withDefault = await writeBundle(dist, entries, 'src/cli/main.ts')
// Served as they are written, by assets.ts of the dashboard, which looks for them beside itself.
cpSync(join(root, 'src/dashboard/page'), join(dist, 'page'), {
  recursive: true,
  filter: file => !file.endsWith('tsconfig.json'),
})
cpSync(join(root, 'node_modules/rxjs/LICENSE.txt'), join(dist, 'LICENSE-rxjs.txt'))
writeDeclarations(dist, entries, withDefault)
