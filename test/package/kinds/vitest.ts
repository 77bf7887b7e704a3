import { VITEST } from '../programs.js'
import type { Kind } from '../project.js'

export const vitest: Kind = {
  name: 'Vitest',
  run(project) {
    // The newest that runs on Node 20.
    project.install(['vitest@4'])
    project.write({ 'orders.test.js': VITEST })
    project.expectTests('Vitest', /^ +Tests +1 passed \(1\)$/m, 'npx', 'vitest', 'run')
  },
}
