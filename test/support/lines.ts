import type { Logger } from '../../src/index.js'

/** A logger that keeps its lines. */
export class Lines implements Logger {
  readonly all: { readonly level: keyof Logger; readonly fields: object; readonly message: string }[] = []

  /** What an operator sees at level `info`. */
  get story(): string[] {
    return this.all.filter(({ level }) => level !== 'debug').map(({ level, message }) => `${level}: ${message}`)
  }

  debug(fields: object, message: string): void {
    this.all.push({ level: 'debug', fields, message })
  }

  info(fields: object, message: string): void {
    this.all.push({ level: 'info', fields, message })
  }

  warn(fields: object, message: string): void {
    this.all.push({ level: 'warn', fields, message })
  }

  error(fields: object, message: string): void {
    this.all.push({ level: 'error', fields, message })
  }
}
