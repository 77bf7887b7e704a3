/** Measures the stages once, in a process of its own, and sends what came of it to its parent. */
import { measure } from './measure.js'
import { stubbedProducer } from './stages/whole.js'
import { stagesOf } from './stages.js'

const producer = stubbedProducer()
const measured = await measure(stagesOf(producer), Number(process.argv[2]))
await producer.close()
process.send?.(measured.map(({ stage: { name, unit, bound }, ns, ratio }) => ({ name, unit, bound, ns, ratio })))
