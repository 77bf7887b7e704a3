import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { runHere } from './support/command.js'

/** What bash would offer behind these words. */
async function complete(...words: string[]): Promise<string[]> {
  const { stdout: script } = await runHere(['completion', 'bash'])
  const call = `${script}\nCOMP_WORDS=("$@")\nCOMP_CWORD=$(($# - 1))\n_rx_kafka\nprintf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', call, 'bash', 'rx-kafka', ...words], {
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  return stdout.split('\n').filter(Boolean)
}

test('bash completes commands, flags, values and files', async () => {
  assert.deepEqual(await complete(''), ['produce', 'broker', 'dashboard', 'top', 'completion'])
  assert.deepEqual(await complete('pro'), ['produce'])
  assert.deepEqual(await complete('produce', '--key'), ['--key-delimiter', '--key'])
  assert.deepEqual(await complete('produce', '--format', ''), ['lines', 'ndjson', 'csv'])
  assert.deepEqual(await complete('produce', '--linger', '-'), [])
  assert.deepEqual(await complete('produce', 'package.j'), ['package.json'])
  assert.deepEqual(await complete('produce', '-F', 'package.j'), ['package.json'])
  assert.deepEqual(await complete('completion', 'z'), ['zsh'])
  assert.deepEqual(await complete('broker', '--no'), ['--nodes'])
})

test('zsh and fish know every flag, and no text of a help ends a quote', async () => {
  const { stdout: help } = await runHere(['produce', '--help'])
  const flags = [...help.matchAll(/^ {2}(?:-\w,| {3}) --([\w-]+)/gm)].map(([, name]) => name!)
  assert.ok(flags.length > 50, `${flags.length}`)
  for (const shell of ['zsh', 'fish']) {
    const { code, stdout } = await runHere(['completion', shell])
    assert.equal(code, 0)
    for (const name of flags)
      assert.match(stdout, shell === 'zsh' ? new RegExp(`'\\*?--${name}=?\\[`) : new RegExp(` -l ${name} `))
    assert.match(stdout, /murmur2 places keys as Java does, consistent-random as librdkafka, fnv1a/)
    for (const line of stdout.split('\n'))
      assert.equal((line.replaceAll("'\\''", '').match(/'/g) ?? []).length % 2, 0, line)
  }
})

test('no shell, or another one', async () => {
  assert.deepEqual(await runHere(['completion']), {
    code: 2,
    stdout: '',
    stderr: 'rx-kafka: no shell: rx-kafka completion bash|zsh|fish\n',
  })
  const { code, stderr } = await runHere(['completion', 'fsh'])
  assert.deepEqual([code, stderr], [2, "rx-kafka: 'fsh' is none of bash, zsh, fish; did you mean zsh?\n"])
})
