import type * as kafkajs from 'kafkajs'
import { loadPackage } from '../load-package.js'
import { KafkaJSNonRetriableError } from './errors.js'
import { makeError } from './make-error.js'

let loaded: typeof kafkajs | undefined

/**
 * Loads kafkajs, which is an optional peer: only what this library does not do itself needs it.
 *
 * @param wanted what asks for it, for the message.
 * @throws {KafkaJSNonRetriableError} with the `npm install` line when it is not installed.
 */
export function requireKafkajs(wanted: string): typeof kafkajs {
  try {
    loaded ??= loadPackage('kafkajs') as typeof kafkajs
    return loaded
  } catch (cause) {
    const why = `${wanted} is kafkajs's own, and kafkajs could not be loaded: npm install kafkajs@2`
    throw makeError(KafkaJSNonRetriableError, why, cause)
  }
}

/** What kafkajs's consumer needs, loaded when it is read: programs that only produce do without kafkajs. */
export const PartitionAssigners: typeof kafkajs.PartitionAssigners = {
  get roundRobin() {
    return requireKafkajs('PartitionAssigners').PartitionAssigners.roundRobin
  },
}

/** As {@link PartitionAssigners}. */
export const AssignerProtocol: typeof kafkajs.AssignerProtocol = {
  get MemberMetadata() {
    return requireKafkajs('AssignerProtocol').AssignerProtocol.MemberMetadata
  },
  get MemberAssignment() {
    return requireKafkajs('AssignerProtocol').AssignerProtocol.MemberAssignment
  },
}

type Codecs = typeof kafkajs.CompressionCodecs

/**
 * kafkajs's codecs, by type: what is set here, its consumer decompresses with. The producer compresses with codecs of its own, and needs
 * none of these; without kafkajs, what is set is kept and never called.
 */
export const CompressionCodecs: Codecs = codecs()

function codecs(): Codecs {
  const own: Partial<Record<1 | 2 | 3 | 4, () => unknown>> = {}
  const registry = {}
  for (const type of [1, 2, 3, 4] as const) {
    const theirs = (): Codecs => requireKafkajs('CompressionCodecs').CompressionCodecs
    Object.defineProperty(registry, type, {
      enumerable: true,
      get: () => own[type] ?? theirs()[type],
      set(codec: () => unknown) {
        own[type] = codec
        try {
          theirs()[type] = codec
        } catch {
          // Nothing would use it.
        }
      },
    })
  }
  return registry as Codecs
}
