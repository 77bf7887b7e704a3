import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ACKED, COMMONJS, ESM } from '../programs.js'
import { type Kind, ours, root } from '../project.js'

/** `npm install git+…`: npm clones the repository, installs what the build needs there, and runs the script `prepare`. */
export const git: Kind = {
  name: 'Git',
  run(parent) {
    const repository = parent.sub('repository')
    // As it is in this working tree, committed or not.
    const files = parent.run('git', '-C', root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard')
    for (const file of files.split('\0').filter(file => file !== '' && existsSync(join(root, file))))
      cpSync(join(root, file), repository.path(file))
    repository.run('git', 'init', '--quiet')
    repository.run('git', 'add', '.')
    const author = ['-c', 'user.name=test', '-c', 'user.email=test@localhost']
    repository.run('git', ...author, 'commit', '--quiet', '-m', 'the working tree')

    const project = parent.sub('project')
    project.write({
      'package.json': JSON.stringify({ name: 'empty', private: true }),
      'program.cjs': COMMONJS,
      'program.mjs': ESM,
    })
    project.npmInstall(`git+${pathToFileURL(repository.path('')).href.replace(/\/$/, '')}`, ours('rxjs'))
    for (const file of ['program.cjs', 'program.mjs'])
      project.expect(`npm install git+file://…, ${file}`, ACKED, process.execPath, file)
  },
}
