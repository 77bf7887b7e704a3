import { AuthenticationError, BootstrapError, BrokerError } from '../../index.js'
import { CommandError, EXIT } from '../errors.js'

/** The exit code for the error that ended the command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommandError) return error.exitCode
  if (error instanceof AuthenticationError) return EXIT.refused
  if (error instanceof BrokerError && error.codeName.endsWith('_AUTHORIZATION_FAILED')) return EXIT.refused
  return error instanceof BootstrapError ? EXIT.unreachable : EXIT.failed
}
