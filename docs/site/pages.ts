/**
 * The pages of the site, in the order in which people ask. A page is made of files of this repository, or of sections of them, so that
 * there is one source for each sentence. A page whose files are not there is left out.
 */
export interface Part {
  /** From the root of the repository. */
  readonly file: string
  /** The heading of a section; without: the whole file. */
  readonly section?: string
  /** Headings of subsections that have a page of their own. */
  readonly without?: readonly string[]
}

export interface Page {
  /** The page's path on the site, without `.html`. */
  readonly slug: string
  readonly title: string
  /** One sentence for the overview of its group. */
  readonly about: string
  readonly parts: readonly Part[]
}

export interface Group {
  readonly slug: string
  readonly title: string
  /** What stands above the list of its pages. */
  readonly about: string
  readonly pages: readonly Page[]
}

const page = (slug: string, title: string, about: string, ...parts: readonly (string | Part)[]): Page => ({
  slug,
  title,
  about,
  parts: parts.map(part => (typeof part === 'string' ? { file: part } : part)),
})

const readme = (section: string, without: readonly string[] = []): Part => ({ file: 'README.md', section, without })

/** The page at the root of the site. */
export const HOME: Page = page('index', 'rx-kafka', '', 'docs/README.md')

/** @param examples the names of the examples, with what each shows. */
export const groupsOf = (examples: Readonly<Record<string, string>>): readonly (Group | Page)[] => [
  page('start', 'Start', 'The first ten minutes.', 'docs/start.md'),
  {
    slug: 'guides',
    title: 'Guides',
    about: 'One page for each task.',
    pages: [
      page(
        'guides/acks',
        'Acks and failures',
        'What an ack says, and what to do when a record fails.',
        readme('Acks'),
        'docs/acks.md',
      ),
      page('guides/back-pressure', 'Back-pressure', 'Sources that are faster than brokers.', 'docs/back-pressure.md'),
      page('guides/streams', 'Node and web streams', 'Every way in, and how each of them ends.', readme('Streams')),
      page('guides/files', 'Files', 'Lines, CSV and compressed files.', 'docs/files.md'),
      page(
        'guides/transactions',
        'Transactions',
        'Records, offsets and the position of your source, stored whole or not at all.',
        readme('Transactions'),
      ),
      page('guides/codecs', 'Compression', 'Codecs, their levels and what they need.', readme('Compression')),
      page('guides/partitioners', 'Partitioners', 'Where a record goes.', readme('Partitioners')),
      page('guides/interceptors', 'Interceptors', 'See and change every record.', readme('Interceptors')),
      page('guides/log-in', 'Log-in', 'SASL: passwords, SCRAM and tokens.', readme('Log-in')),
      page('guides/clusters', 'Managed clusters', 'What each cloud takes.', 'docs/clusters.md'),
      page('guides/tls', 'TLS', 'Certificates, and what their errors mean.', 'docs/tls.md'),
      page('guides/command-line', 'Command line', 'Send files and pipes without code.', 'docs/cli.md'),
      page('guides/nestjs', 'Nest', 'An injectable producer for Nest.', 'docs/nestjs.md'),
      page(
        'guides/testing',
        'Tests with the embedded broker',
        'Kafka inside your process: faults, virtual time and logs to look into.',
        readme('A broker for your tests'),
      ),
    ],
  },
  page('window', 'How the window works', 'Four requests in flight, in order, exactly once.', 'docs/window.md'),
  {
    slug: 'reference',
    title: 'Reference',
    about:
      'Everything there is, with units, defaults and errors. The doc comments of each type are under the names of the packages.',
    pages: [
      page('reference/producer', 'Producer', 'Every method of a producer.', readme('What you get')),
      page(
        'reference/options',
        'Options',
        'What `createProducer()` takes.',
        readme('Options', ['Log-in', 'Compression', 'Partitioners', 'Interceptors', 'OpenTelemetry']),
      ),
      page('reference/events', 'Events and logs', 'What `events$` emits and the logger writes.', 'docs/events.md'),
      page('reference/metrics', 'Metrics', 'What `metrics()` returns.', 'docs/metrics.md'),
      page(
        'reference/errors',
        'Errors, and what to do',
        'Every error class, and every error code of brokers.',
        readme('Errors'),
        'docs/errors.md',
      ),
      page('reference/diagnostics', 'Diagnostics channels', 'For tools that watch a process.', 'docs/diagnostics.md'),
    ],
  },
  {
    slug: 'operations',
    title: 'Operations',
    about: 'Run it, watch it, make it faster.',
    pages: [
      page('operations/run', 'In production', 'What to watch, and when to wake somebody.', 'docs/operations.md'),
      page('operations/health', 'Health', 'What liveness and readiness probes ask.', 'docs/health.md'),
      page('operations/tuning', 'Tuning', 'Which option to change for what, by measured figures.', 'docs/tuning.md'),
      page('operations/dashboard', 'Dashboard', 'The in-flight windows, live.', 'docs/dashboard.md'),
      page('operations/opentelemetry', 'OpenTelemetry', 'Spans and metrics.', 'docs/opentelemetry.md'),
    ],
  },
  {
    slug: 'migrating',
    title: 'Migrating',
    about: 'From another client, option by option.',
    pages: [
      page('migrating/kafkajs', 'From kafkajs', 'One import, and what then differs.', 'docs/kafkajs.md'),
      page('migrating/node-rdkafka', 'From node-rdkafka', 'Methods, properties and events.', 'docs/node-rdkafka.md'),
    ],
  },
  {
    slug: 'compatibility',
    title: 'Compatibility',
    about: 'Versions that are tested.',
    pages: [
      page(
        'compatibility/versions',
        'Node, Kafka, RxJS',
        'What is supported, and how it is tested.',
        'docs/compatibility.md',
      ),
      page('compatibility/kafka', 'Versions of Apache Kafka', 'One broker of each version.', 'docs/kafka-versions.md'),
    ],
  },
  {
    slug: 'benchmarks',
    title: 'Benchmarks',
    about: 'Figures, and the command that makes each of them.',
    pages: [
      page('benchmarks/overview', 'What is measured', 'Every benchmark with its command.', 'docs/benchmarks.md'),
      page('benchmarks/peers', 'Other producers', '`npm run bench:peers`', 'test/bench/results/peers.md'),
      page('benchmarks/latency', 'Ack latency', '`npm run bench:latency-peers`', 'test/bench/results/latency.md'),
      page('benchmarks/kafka', 'On a real Kafka', '`npm run bench:kafka`', 'test/bench/results/kafka.md'),
      page('benchmarks/goals', 'Goals', '`npm run bench:goals`', 'test/bench/results/goals.md'),
      page('benchmarks/codecs', 'Codecs', '`npm run bench:codecs`', 'test/bench/results/codecs.md'),
      page(
        'benchmarks/transactions',
        'Transactions',
        '`npm run bench:transactions`',
        'test/bench/results/transactions.md',
      ),
    ],
  },
  {
    slug: 'examples',
    title: 'Examples',
    about: '`npm run example -- NAME` runs one in a clone, without Kafka.',
    pages: Object.entries(examples).map(([name, shows]) =>
      page(`examples/${name}`, name, `${shows[0]!.toUpperCase()}${shows.slice(1)}.`, `examples/${name}.ts`),
    ),
  },
  {
    slug: 'project',
    title: 'Project',
    about: 'What has changed, and how to take part.',
    pages: [
      page('project/changelog', 'Changelog', 'What each version brought.', 'CHANGELOG.md'),
      page('project/contributing', 'Contributing', 'Build it, test it, change it.', 'CONTRIBUTING.md'),
      page('project/security', 'Security', 'How to report a vulnerability.', 'SECURITY.md'),
      page('project/architecture', 'Architecture', 'How it is built, and why.', 'ARCHITECTURE.md'),
    ],
  },
]
