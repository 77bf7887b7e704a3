import type { Mutation } from './mutation.js'

const command = (file: string, name: string, text: string, instead: string): Mutation => ({
  ...{ rule: 'the command', name, file: `src/cli/${file}`, text, instead, checks: ['cli'] },
})

/** The way of a line through the command. */
export const COMMAND: readonly Mutation[] = [
  command(
    'input/read-blocks.ts',
    'the beginning of a line is sent when the reading stops',
    'if (stop.aborted) return\n',
    'if (stop.aborted && length < 0) return\n',
  ),
  command(
    'input/read-blocks.ts',
    'the memory of a block is used again before it is delivered',
    'yield new Block(input, whole, begin, pool.give)',
    'pool.give(new Block(input, whole, begin))\n        yield new Block(input, whole, begin)',
  ),
  command(
    'input/block.ts',
    'a delimiter that two reads cut is not found',
    'from - delimiter.length + 1)).lastIndexOf',
    'from)).lastIndexOf',
  ),
  command(
    'input/block.ts',
    'a line break inside quotes ends a row of CSV',
    'byte === QUOTE && fieldBegins',
    'byte === -1',
  ),
  command(
    'parse/template.ts',
    'a missing value is a tombstone',
    'if (data === undefined) throw',
    'if (data === undefined) return null\n  if (data === null && found === 0) throw',
  ),
  command(
    'parse/template.ts',
    'an integer beyond 2^53 is rounded',
    '&& !Number.isSafeInteger(found)',
    '&& Number.isNaN(found)',
  ),
  command('parse/selector.ts', 'a path leads into what every object has', '|| !Object.hasOwn(at, step)', ''),
  command(
    'parse/csv.ts',
    'the file of failed rows has no header',
    'this.header = row.block.bytes.subarray(row.start, row.end)',
    'this.header = undefined',
  ),
  command(
    'send/block-stream.ts',
    'a record that failed is acked too',
    'acked: this.#taken - this.#failed',
    'acked: this.#taken',
  ),
  command(
    'send/block-stream.ts',
    'a record that the ended producer did not take is acked',
    'if (!record.taken) break\n',
    '',
  ),
  command('send/broken.ts', 'the end of the producer waits for the input', 'this.#reject(error)\n', ''),
  command('report/failed-lines.ts', 'a failed line loses its carriage return', '? end + 1 : end', '? end : end'),
  command(
    'report/terminal.ts',
    'control characters reach the terminal',
    "text.split('\\n').map(printable).join('\\n')",
    'printable.length > 0 ? text : text',
  ),
  command('commands/reading.ts', 'a strict command goes on', 'if (ends) this.#end()\n', ''),
  command(
    'commands/reading.ts',
    'lines of a second file are numbered on from the first',
    'this.#last?.input === block.input && this.#last.end === block.offset',
    'this.#last !== undefined',
  ),
  command(
    'config/read-settings.ts',
    'a secret may be an argument',
    "SECRETS.has(setting) || setting.endsWith('key-pem')",
    "setting.endsWith('key-pem')",
  ),
  command(
    'config/read-settings.ts',
    'a value of the environment that is no choice is taken',
    '  checkChoices(settings)\n',
    '',
  ),
]
