import { type Kind, root } from '../project.js'

// The tag is named, so that npm need not know what is published already. The scripts have run: the library is packed.
const ARGS = [root, '--dry-run', '--ignore-scripts', '--tag', 'latest', '--loglevel', 'notice']

/** npm corrects what it does not like in package.json when it publishes, and says so only then. */
export const publish: Kind = {
  name: 'Publish',
  run(project) {
    const output = project.run('npm', 'publish', ...ARGS)
    const warnings = output.split('\n').filter(line => /^npm (warn|error)/.test(line) && !line.includes('logged in'))
    if (warnings.length > 0) throw new Error(`npm publish warns:\n${warnings.join('\n')}`)
    if (!/^\+ rx-kafka@/m.test(output)) throw new Error(`npm publish did not get to its end:\n${output}`)
    project.ok('npm publish --dry-run')
  },
}
