/**
 * `npm run test:memory [-- --records N]`: a million records through a broker that reads slowly at first, in every form of a
 * stream: nothing is lost, all is in order, and memory keeps its bounds.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import type { Flow } from './flow.js'
import { BUFFER_MEMORY, FORMS } from './forms.js'

const { values } = parseArgs({ options: { records: { type: 'string', default: '1000000' }, only: { type: 'string' } } })
const records = Number(values.records)
if (!Number.isInteger(records) || records < 1) throw new RangeError('--records takes an integer from 1')

const flows: Flow[] = []
for (const form of Object.keys(FORMS).filter(name => name.includes(values.only ?? ''))) {
  const child = fork(new URL('./flow.ts', import.meta.url), [form, `${records}`], {
    execArgv: ['--import', 'tsx'],
  })
  const [flow] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [Flow | number]
  if (typeof flow === 'number') throw new Error(`${form}: the process ended with code ${flow}`)
  flows.push(flow)
  await once(child, 'exit')
}

const times = (bytes: number): number => Number((bytes / BUFFER_MEMORY).toFixed(2))
const faultOf = ({ stored, wrong, peakBuffer, peakRss, takenWhileSlow }: Flow): string => {
  if (stored !== records || wrong > 0) return `${stored} stored, ${wrong} of them wrong`
  if (peakBuffer > BUFFER_MEMORY) return 'buffer beyond bufferMemory'
  if (peakRss > 3 * BUFFER_MEMORY) return 'memory beyond 3 x bufferMemory'
  return takenWhileSlow >= records ? 'the source was not held back' : ''
}
console.log(`${records} records of 100 B; memory in multiples of bufferMemory (${BUFFER_MEMORY})`)
console.table(
  flows.map(flow => ({
    form: flow.form,
    stored: flow.stored,
    'taken while slow': flow.takenWhileSlow,
    'peak buffer': times(flow.peakBuffer),
    'RSS growth': times(flow.peakRss),
    fault: faultOf(flow),
  })),
)
const bad = flows.filter(flow => faultOf(flow) !== '')
console.log(bad.length === 0 ? 'nothing wrong' : `${bad.length} of ${flows.length} forms are wrong`)
process.exitCode = bad.length === 0 ? 0 : 1
