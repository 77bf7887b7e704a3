import { LINES, nodeOf } from '../nodes.js'
import { type Kind, ours } from '../project.js'

/** Peers that an entry point needs to be loaded. */
const NEST = ['@nestjs/common', '@nestjs/core', '@nestjs/microservices', 'reflect-metadata']

/** Every binding of every entry point is the same, whichever way it is loaded, and an error of one is an instance of the other's class. */
const PROGRAM = `
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { exports } = require('rx-kafka/package.json')
let bindings = 0
for (const path of Object.keys(exports).filter(path => path !== './package.json')) {
  const name = 'rx-kafka' + path.slice(1)
  const required = require(name)
  const imported = await import(name)
  const names = Object.keys(required)
  if (names.length === 0 || names.join() !== Object.keys(imported).join())
    throw new Error(name + ': ' + names + ' is not ' + Object.keys(imported))
  for (const binding of names)
    if (required[binding] !== imported[binding]) throw new Error(name + ' has two of ' + binding)
  bindings += names.length
}
if (bindings < 30) throw new Error('only ' + bindings + ' bindings')

const { KafkaError, InvalidArgumentError } = require('rx-kafka')
const { createProducer } = await import('rx-kafka')
try {
  createProducer({ brokers: [] })
} catch (error) {
  console.log(error instanceof KafkaError, error instanceof InvalidArgumentError)
}
`

export const both: Kind = {
  name: 'require() and import in one process',
  run(project) {
    project.install(['@opentelemetry/api', ...NEST].map(ours))
    project.write({ 'program.mjs': PROGRAM })
    for (const line of LINES)
      project.expect(`one set of classes on Node ${line}`, 'true true', nodeOf(line), 'program.mjs')
  },
}
