import { BootstrapError, describe, OtherClusterError } from '../../errors.js'

/** An event, as far as a warning needs it. */
interface Reported {
  readonly kind: string
  readonly method?: string
  readonly error?: unknown
}

interface Warning {
  readonly code: string
  readonly text: string
}

/** Emits process warnings about events that tell of a mistake, each kind at most once. */
export class Warnings {
  readonly #emitted = new Set<string>()

  about(event: Reported): void {
    const warning = warningOf(event)
    if (warning === undefined || this.#emitted.has(warning.code)) return
    const { code, text } = warning
    this.#emitted.add(code)
    process.emitWarning(`rx-kafka: ${text}; producer.events$ tells what happens.`, { code })
  }
}

function warningOf(event: Reported): Warning | undefined {
  switch (event.kind) {
    case 'metadataFailed':
    case 'producerIdFailed': {
      const code = codeOf(event.error)
      return code === undefined ? undefined : { code, text: `${describe(event.error)}\nIt goes on trying` }
    }
    case 'interceptorFailed': {
      const text = `${event.method}() of an interceptor failed: ${describe(event.error)}\nRecords go on without it`
      return { code: 'RX_KAFKA_INTERCEPTOR', text }
    }
    default:
      return undefined
  }
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof BootstrapError) return 'RX_KAFKA_UNREACHABLE'
  return error instanceof OtherClusterError ? 'RX_KAFKA_OTHER_CLUSTER' : undefined
}
