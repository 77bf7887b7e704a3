import { ACKED, COMMONJS, ESM } from '../programs.js'
import { type Kind, ours } from '../project.js'

/** The library's Observables are the user's. */
const ONE = `
const { Observable, of } = require('rxjs')
const { createProducer } = require('rx-kafka')

const producer = createProducer({ brokers: ['localhost:9092'] })
const made = [producer.events$, producer.metrics$, of().pipe(producer.send())]
console.log(made.every(made$ => made$ instanceof Observable))
process.exit()
`

/** The bundle has RxJS's functions and takes its classes from its files: of the oldest version that is supported as well. */
export const rxjs: Kind = {
  name: 'RxJS',
  run(parent) {
    for (const version of ['rxjs@7.8.0', ours('rxjs')]) {
      const project = parent.sub(version.replaceAll(/\W/g, '-'))
      project.install([version])
      project.write({ 'one.cjs': ONE, 'program.cjs': COMMONJS, 'program.mjs': ESM })
      project.expect(`${version}: one Observable`, 'true', process.execPath, 'one.cjs')
      for (const file of ['program.cjs', 'program.mjs'])
        project.expect(`${version}, ${file}`, ACKED, process.execPath, file)
    }
  },
}
