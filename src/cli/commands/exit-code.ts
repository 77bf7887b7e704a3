import { AuthenticationError, BootstrapError, BrokerError, KafkaError } from '../../index.js'
import { CommandError, EXIT } from '../errors.js'

/** The exit code for the error that ended the command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommandError) return error.exitCode
  if (error instanceof AuthenticationError) return EXIT.refused
  if (error instanceof BrokerError && error.codeName.endsWith('_AUTHORIZATION_FAILED')) return EXIT.refused
  if (error instanceof BootstrapError) return EXIT.unreachable
  // What the broker said is the cause of an error that tells what was asked of it.
  return error instanceof KafkaError && error.cause !== undefined ? exitCodeOf(error.cause) : EXIT.failed
}
