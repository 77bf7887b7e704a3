import { JEST } from '../programs.js'
import type { Kind } from '../project.js'

export const jest: Kind = {
  name: 'Jest',
  run(parent) {
    for (const version of [29, 30]) {
      const project = parent.sub(`jest-${version}`)
      project.install([`jest@${version}`])
      project.write({ 'orders.test.js': JEST })
      project.expectTests(`Jest ${version}`, /^Tests: +1 passed, 1 total$/m, 'npx', 'jest')
    }
  },
}
