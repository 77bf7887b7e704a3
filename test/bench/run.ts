/**
 * `npm run bench`: what a record costs, stage by stage and as a whole, as figures and as ratios to a calibration, all in one
 * run. The whole is measured twice: with a broker in this process, and over TCP with one in another.
 */
import { createProducer } from '../../src/index.js'
import { startBroker } from './broker.js'
import { measure } from './measure.js'
import { producing, stubbedProducer } from './stages/whole.js'
import { stagesOf } from './stages.js'

const SECONDS = 40

const broker = await startBroker()
const stubbed = stubbedProducer()
const overTcp = createProducer({ brokers: broker.addresses, bufferMemory: 128 << 20 })
const where = 'broker in another process'
const stages = [
  ...stagesOf(stubbed),
  producing(overTcp, where, 'sendBatches', 100, 50_000),
  producing(overTcp, where, 'send', 100, 50_000),
  producing(overTcp, where, 'sendBatches', 1000, 20_000),
  producing(overTcp, where, 'send', 1000, 20_000),
]

console.table(
  (await measure(stages, SECONDS)).map(({ stage: { name, unit }, ns, ratio }) => ({
    stage: name,
    unit,
    ns: Number(ns.toPrecision(3)),
    'a second': Math.round(1e9 / ns),
    ratio: Number(ratio.toPrecision(3)),
  })),
)

await Promise.all([stubbed.close(), overTcp.close()])
const { violations } = await broker.status()
await broker.stop()
if (violations.length > 0) throw new Error(violations.join('\n'))
