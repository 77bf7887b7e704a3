/** Runs an example: `npm run example -- NAME`; without a name it lists them. */
import { examples } from './support/catalog.js'

const [name, ...args] = process.argv.slice(2)
const known = name !== undefined && Object.hasOwn(examples, name)

if (known) {
  // The example reads the rest of the command line itself.
  process.argv.splice(2, Number.POSITIVE_INFINITY, ...args)
  await import(`./${name}.ts`)
} else {
  const list = Object.entries(examples).map(([name, shows]) => `  ${name.padEnd(16)}${shows}`)
  const usage = ['npm run example -- NAME [--brokers HOST:PORT,…]', '', ...list].join('\n')
  if (name === undefined || name === '--help') console.log(usage)
  else {
    console.error(`there is no example '${name}'\n\n${usage}`)
    process.exitCode = 1
  }
}
