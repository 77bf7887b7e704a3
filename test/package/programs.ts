/** Programs that send a record through the packed library to its embedded broker, and print what became of it. */

/** What each of them prints last. */
export const ACKED = 'acked orders 0 0n'

const BODY = `
async function main() {
  const cluster = await startCluster({ nodes: 1, topics: { orders: { partitions: 1 } } })
  const producer = createProducer({ brokers: cluster.brokers })
  const { kind, topic, partition, offset } = await producer.sendOne({ topic: 'orders', key: 'k', value: 'v' })
  await producer.close()
  await cluster.stop()
  return [kind, topic, partition, \`\${offset}n\`].join(' ')
}
`

const REQUIRE = `const { createProducer } = require('rx-kafka')
const { startCluster } = require('rx-kafka/testing')
`

const IMPORT = `import { createProducer } from 'rx-kafka'
import { startCluster } from 'rx-kafka/testing'
`

const PRINT = `
main().then(console.log, error => {
  console.error(error)
  process.exitCode = 1
})
`

export const COMMONJS: string = REQUIRE + BODY + PRINT
export const ESM: string = IMPORT + BODY + PRINT

/** As TypeScript under \`strict\`, for whatever the compiler makes of it. */
export const TYPESCRIPT: string = IMPORT + BODY.replace('main()', 'main(): Promise<string>') + PRINT

/** A test for Jest: its default is CommonJS, and its functions are global. */
export const JEST: string = `${REQUIRE}${BODY}
test('a record is acked', async () => {
  expect(await main()).toBe('${ACKED}')
})
`

export const VITEST: string = `import { expect, test } from 'vitest'
${IMPORT}${BODY}
test('a record is acked', async () => {
  expect(await main()).toBe('${ACKED}')
})
`
