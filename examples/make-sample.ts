/** `tsx examples/make-sample.ts FILE [COUNT] [SEED]`: writes the events that the main job sends. */
import { writeSample } from './support/sample.js'

const [path, count = '50000', seed = '1'] = process.argv.slice(2)
if (path === undefined) throw new Error('tsx examples/make-sample.ts FILE [COUNT] [SEED]')
await writeSample(path, Number(count), Number(seed))
