/** A broker in a process of its own, for flow.ts: it can be made slow, and says in the end whether it has every record in order. */
import { startCluster } from '../../src/testing/index.js'

/** Bytes a second. */
const SLOW = 100_000

const cluster = await startCluster({ topics: { t: { partitions: 1 } }, trace: false })

process.on('message', (message: 'slow' | 'fast' | { readonly count: number }) => {
  if (typeof message === 'string') {
    // A connection stays slow until it ends.
    cluster.inject({
      fault: message === 'slow' ? { kind: 'slowDrain', bytesPerSecond: SLOW } : { kind: 'appendThenDrop' },
    })
    return
  }
  let expected = 0
  let wrong = 0
  for (const { value } of cluster.records('t', 0)) {
    if (Number(String(value).slice(0, 10)) !== expected) wrong++
    expected++
  }
  process.send!({ stored: expected, wrong })
})
process.on('disconnect', () => void cluster.stop())
process.send!({ brokers: cluster.brokers })
