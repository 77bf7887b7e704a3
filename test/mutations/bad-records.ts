import type { Mutation } from './mutation.js'

const PARTITION = 'src/producer/partition.ts'
const VERDICTS = 'src/producer/verdicts.ts'
const BATCH = 'src/producer/batch.ts'
const SENDER = 'src/producer/sender.ts'
const ACCUMULATOR = 'src/producer/accumulator.ts'

/** What becomes of a batch of which some records are refused (KIP-467). */
export const BAD_RECORDS: readonly Mutation[] = [
  {
    rule: 'bad records',
    name: 'the rest of a batch leaves the gap of those that were named',
    file: PARTITION,
    text: "left.length === 0 || fate === 'sifted'",
    instead: 'left.length === 0',
  },
  {
    rule: 'bad records',
    name: 'the batch fails, though the bad ones are named',
    file: VERDICTS,
    text: "if (bad && verdict.named.length > 0) return 'sifted'",
    instead: "if (bad && verdict.named.length > 0) return 'fails'",
    checks: ['schedules', 'model', 'units'],
  },
  {
    rule: 'bad records',
    name: 'a batch that may be stored is taken apart',
    file: VERDICTS,
    text: "if (batch.unresolved) return displaced || refused ? 'fails' : 'again'",
    instead: "if (batch.unresolved && !bad) return displaced || refused ? 'fails' : 'again'",
  },
  {
    rule: 'bad records',
    name: 'the batch fails, though only some record of it is bad',
    file: VERDICTS,
    text: "(bad || verdict.kind === 'tooLarge') && batch.count > 1",
    instead: "verdict.kind === 'tooLarge' && batch.count > 1",
    checks: ['schedules', 'model', 'units'],
  },
  {
    rule: 'bad records',
    name: 'what is corrupt once is taken for bad',
    file: VERDICTS,
    text: 'batch.corruptions > 1',
    instead: 'batch.corruptions > 0',
    checks: ['schedules', 'model', 'units'],
  },
  {
    rule: 'bad records',
    name: 'what is corrupt is sent again for ever',
    file: VERDICTS,
    text: 'batch.corruptions > 1',
    instead: 'batch.corruptions > 1e9',
    checks: ['schedules', 'units'],
  },
  {
    rule: 'bad records',
    name: 'parts of what is corrupt have a second chance each',
    file: BATCH,
    text: '    part.corruptions = this.corruptions\n',
    instead: '',
    checks: ['units'],
  },
  {
    rule: 'bad records',
    name: 'requests for the whole are retries of its parts',
    file: BATCH,
    text: '    part.inherited = this.attempts\n',
    instead: '',
    checks: ['units'],
  },
  {
    rule: 'bad records',
    name: 'the other half is sent, though it is known to be bad',
    file: PARTITION,
    text: '      this.#convict(batch.counterpart, ends)\n',
    instead: '',
    checks: ['units', 'scenarios'],
  },
  {
    rule: 'bad records',
    name: 'a half that has expired is split',
    file: PARTITION,
    text: 'half.settled || half.count === 1',
    instead: 'half.count === 1',
    checks: ['schedules', 'units'],
  },
  {
    rule: 'bad records',
    name: 'what follows a suspect is sent with it',
    file: PARTITION,
    text: ' && !last.suspect',
    instead: '',
    checks: ['units'],
  },
  {
    rule: 'bad records',
    name: 'a name that is not in the batch is believed',
    file: SENDER,
    text: 'index < 0 || index >= count || named.has(index)',
    instead: 'index < 0 || named.has(index)',
  },
  {
    rule: 'bad records',
    name: 'of two reasons for a record the second counts',
    file: SENDER,
    text: 'index < 0 || index >= count || named.has(index)',
    instead: 'index < 0 || index >= count',
    checks: ['units'],
  },
  {
    rule: 'bad records',
    name: 'names count whatever the code says',
    file: SENDER,
    text: "  const kind = BEFORE_APPEND.get(errorCode) ?? 'unknown'\n",
    instead:
      "  if (answer.recordErrors.length > 0) return { kind: 'badRecords', error, named: namedRecords(answer, count) }\n  const kind = BEFORE_APPEND.get(errorCode) ?? 'unknown'\n",
    checks: ['units'],
  },
  {
    rule: 'bad records',
    name: 'all that are refused have the same error',
    file: SENDER,
    text: 'const detail = batchIndexErrorMessage ?? errorMessage',
    instead: 'const detail = batchIndexErrorMessage === undefined ? null : errorMessage',
    checks: ['units', 'scenarios'],
  },
  {
    rule: 'bad records',
    name: 'later batches are made smaller, though the size was not at fault',
    file: ACCUMULATOR,
    text: "if (batch.verdict?.kind === 'tooLarge') ",
    instead: 'if (parts.length > 0) ',
    checks: ['units', 'scenarios'],
  },
  {
    rule: 'bad records',
    name: 'parts count for more memory than the whole',
    file: BATCH,
    text: 'part.encoded = Math.floor((total * before) / this.count) - start',
    instead: 'part.encoded += start - start',
    checks: ['schedules', 'units'],
  },
]
