import type { KafkaConfig, Logger } from 'kafkajs'
import type { Logger as ProducerLogger } from '../index.js'
import { logLevel } from './constants.js'

type LogFunction = ReturnType<NonNullable<KafkaConfig['logCreator']>>

const LABELS = { info: 'INFO', error: 'ERROR', warn: 'WARN', debug: 'DEBUG' } as const

/** Writes each entry as a line of JSON to the console, as kafkajs does by default. */
const toConsole = (): LogFunction => {
  const writers: Readonly<Record<number, (line: string) => void>> = {
    [logLevel.INFO]: line => console.info(line),
    [logLevel.ERROR]: line => console.error(line),
    [logLevel.WARN]: line => console.warn(line),
    [logLevel.DEBUG]: line => console.log(line),
  }
  return ({ namespace, level, label, log }) => {
    const prefix = namespace ? `[${namespace}] ` : ''
    writers[level]?.(JSON.stringify({ level: label, ...log, message: `${prefix}${log.message}` }))
  }
}

/** Returns what a level is, unless the environment says otherwise, as for kafkajs. */
function fromEnvironment<L>(level: L): L | logLevel {
  const name = (process.env.KAFKAJS_LOG_LEVEL ?? '').toUpperCase()
  return (logLevel as unknown as Record<string, logLevel>)[name] ?? level
}

/** Returns a logger of kafkajs's shape. */
export function createLogger({ logLevel: given = logLevel.INFO, logCreator = toConsole }: KafkaConfig): Logger {
  let current: logLevel = fromEnvironment(given)
  const write = logCreator(current)

  const named = (namespace: string | undefined, own: logLevel | undefined): Logger => {
    const at =
      (method: keyof typeof LABELS) =>
      (message: string, extra: object = {}): void => {
        const label = LABELS[method]
        const level = logLevel[label]
        if (level > (own ?? current)) return
        const log = { timestamp: new Date().toISOString(), logger: 'kafkajs', message, ...extra }
        // The root has none.
        write({ namespace: namespace as string, level, label, log })
      }
    return {
      info: at('info'),
      error: at('error'),
      warn: at('warn'),
      debug: at('debug'),
      namespace: (name: string, level?: logLevel) => named(name, fromEnvironment(level)),
      setLogLevel: (level: logLevel) => {
        current = level
      },
    }
  }
  return named(undefined, undefined)
}

/** Returns the producer's `logger`: what it tells as `info`, kafkajs tells as `debug`, and its users expect no more. */
export function loggerFor(logger: Logger): ProducerLogger {
  return {
    debug: (fields, message) => logger.debug(String(message), fields as object),
    info: (fields, message) => logger.debug(String(message), fields as object),
    warn: (fields, message) => logger.warn(String(message), fields as object),
    error: (fields, message) => logger.error(String(message), fields as object),
  }
}
