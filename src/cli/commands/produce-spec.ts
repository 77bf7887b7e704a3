import { SETTING_GROUPS } from '../config/settings.js'
import type { CommandSpec } from '../flags/flag.js'
import { FORMATS } from '../parse/parser.js'

export const PRODUCE_SPEC: CommandSpec = {
  name: 'produce',
  summary: 'sends the lines of files, or of standard input, to a topic: exactly once, in order',
  usage: '--brokers HOST:PORT --topic NAME [flags] [FILE…]',
  positionals: 'files',
  examples: [
    ['each line of a file is a record', 'rx-kafka produce -b localhost:9092 -t orders orders.ndjson'],
    [
      'key, header and value from fields of JSON',
      "rx-kafka produce -b localhost:9092 -t orders --key .customer --header 'source=.app' --value .payload orders.ndjson",
    ],
    ['what would be sent, without sending it', 'rx-kafka produce -t orders --key .customer --dry-run orders.ndjson'],
    [
      'rows of CSV as JSON objects, keyed by a column',
      'rx-kafka produce -b localhost:9092 -t readings --csv --key .sensor readings.csv',
    ],
    [
      'key:value from another program, an empty value for null',
      "printf 'a:1\\nb:\\n' | rx-kafka produce -b localhost:9092 -t t -K : --null ''",
    ],
    [
      'a managed cluster, by the file that it gives you',
      'rx-kafka produce -F client.properties -t orders orders.ndjson',
    ],
    [
      'lines that fail are kept, and fed in again later',
      'rx-kafka produce -b localhost:9092 -t orders --failed again.ndjson orders.ndjson',
    ],
    [
      'an import that no crash can break: end it at any moment, and begin it again',
      'rx-kafka produce -b localhost:9092 -t orders --resume orders-import orders.ndjson',
    ],
    ['the lines of a log as they are written', 'rx-kafka produce -b localhost:9092 -t logs --follow /var/log/app.log'],
  ],
  groups: [
    {
      title: 'Input (files in their order, - or none: standard input; .gz is decompressed)',
      flags: [
        {
          ...{ name: 'format', value: 'FORMAT', choices: FORMATS },
          help: 'lines, ndjson or csv (ndjson if a path is used, else lines)',
        },
        { name: 'csv', help: 'the same as --format csv; needs the package csv-parse' },
        {
          name: 'delimiter',
          short: 'D',
          value: 'TEXT',
          help: 'ends a line; \\n, \\t, \\0 and \\xHH can be used (\\n)',
        },
        { name: 'key-delimiter', short: 'K', value: 'TEXT', help: 'in plain lines: the key stands before it' },
        { name: 'csv-separator', value: 'TEXT', help: 'between the fields of a row (,)' },
        { name: 'columns', value: 'NAME,…', help: "names of CSV's columns, if they are not in the first row" },
        { name: 'null', short: 'Z', value: 'TEXT', help: 'a key, value or header that is this text is null' },
        { name: 'follow', help: 'waits for lines that are appended to the file' },
        {
          ...{ name: 'resume', value: 'ID' },
          help: 'imports one file exactly once, however often it is ended and begun again',
        },
        { name: 'limit', short: 'c', value: 'N', help: 'ends after so many records' },
      ],
    },
    {
      title: 'Records (a path such as .customer, .a.b[0] or ."odd name", . for the line, or a constant)',
      flags: [
        { name: 'topic', short: 't', value: 'PATH|NAME', help: 'where to; required' },
        { name: 'key', short: 'k', value: 'PATH|TEXT', help: 'its records go to one partition, in order' },
        { name: 'value', value: 'PATH|TEXT', help: 'default: the line, or the row as JSON' },
        {
          ...{ name: 'header', short: 'H', value: 'NAME=PATH|TEXT', multiple: true },
          help: 'more than once; left out where the path leads nowhere',
        },
        { name: 'partition', short: 'p', value: 'PATH|N', help: 'default: chosen by key' },
        { name: 'timestamp', value: 'PATH|TIME', help: 'ms since 1970, or a date such as 2026-01-31T12:00:00Z' },
      ],
    },
    {
      title: 'Report',
      flags: [
        { name: 'dry-run', short: 'n', help: 'prints what would be sent, and sends nothing' },
        { name: 'failed', value: 'FILE', file: true, help: 'where lines that fail are written, to be fed in again' },
        { name: 'strict', help: 'ends at the first line that fails' },
        { name: 'json', help: 'a summary on standard output; with --dry-run: records' },
        { name: 'quiet', short: 'q', help: 'no progress, no failed lines: only the error that ends it' },
      ],
    },
    ...SETTING_GROUPS,
  ],
  notes: `Every setting of the groups Connection and Producer is also a variable: --sasl-username is RX_KAFKA_SASL_USERNAME.
Secrets are never flags: RX_KAFKA_SASL_PASSWORD, --sasl-password-file or a --config file hold them.

Exit codes: 0 all acked, 1 some failed, 2 wrong usage, 3 no broker reached, 4 credentials refused,
130 after Ctrl-C and 143 after SIGTERM: what was read is sent first, and a second signal does not wait.
`,
}
