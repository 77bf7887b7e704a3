import { BootstrapError, OtherClusterError } from '../../errors.js'

/** Emits process warnings about failures, each kind at most once. */
export class Warnings {
  readonly #emitted = new Set<string>()

  about(error: Error): void {
    const code = codeOf(error)
    if (code === undefined || this.#emitted.has(code)) return
    this.#emitted.add(code)
    process.emitWarning(`rx-kafka: ${error.message}\nIt goes on trying; producer.events$ tells what happens.`, { code })
  }
}

function codeOf(error: Error): string | undefined {
  if (error instanceof BootstrapError) return 'RX_KAFKA_UNREACHABLE'
  return error instanceof OtherClusterError ? 'RX_KAFKA_OTHER_CLUSTER' : undefined
}
