import { dirname, join, relative, resolve } from 'node:path'
import type { Plugin } from 'rolldown'
import { root } from './entry-points.js'

const esm: string = join(root, 'node_modules/rxjs/dist/esm')

/**
 * What has identity or state: its classes, schedulers, configuration, errors and symbols. An Observable of the library is an instance
 * of the user's `Observable`, and hooks of the user's `config` are called.
 */
const SHARED =
  /^internal\/(config|Observable|Subscri\w+|\w*Subject|\w*Scheduler|scheduler\/.*|symbol\/.*|util\/\w*Error|operators\/OperatorSubscriber)$/

/**
 * Bundles RxJS's functions, such as `map()`, and leaves its classes to the user's RxJS, in the files that define them: `exports` of RxJS 7
 * names these. The index of RxJS loads all of its 220 files, most of the time that a process takes to load this library; 31 are left.
 */
export const rxjs: Plugin = {
  name: 'rxjs',
  resolveId: {
    filter: { id: /^(rxjs$|\.)/ },
    handler(id, importer) {
      if (id === 'rxjs') return join(esm, 'index.js')
      if (importer === undefined || !importer.startsWith(esm)) return null
      const file = relative(esm, resolve(dirname(importer), id))
      return SHARED.test(file) ? { id: `rxjs/${file}`, external: true } : `${join(esm, file)}.js`
    },
  },
}
