import { RECORD_COST } from '../model/batch.js'
import { invalid, MAX_INT32 } from './rules.js'

/** The least `maxRequestSize`. */
export const MIN_REQUEST_SIZE = 1_024

/** Options that are tied by rules. A default among them follows the options that were set, and never contradicts them. */
export interface TiedOptions {
  readonly batchSize: number
  readonly maxRequestSize: number
  readonly bufferMemory: number
  readonly linger: number
  readonly requestTimeoutMs: number
  readonly deliveryTimeoutMs: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
}

type Given = Partial<TiedOptions>

/**
 * Fills in the defaults of the tied options.
 *
 * @param given options that were set, each within its own range.
 * @throws {InvalidArgumentError} when options that were set contradict each other; it names only options that were set.
 */
export function resolveTies(given: Given): TiedOptions {
  return { ...sizes(given), ...timeouts(given), ...backoff(given) }
}

/** `batchSize` ≤ `maxRequestSize`, and `maxRequestSize` + {@link RECORD_COST} ≤ `bufferMemory`. */
function sizes(given: Given): Pick<TiedOptions, 'batchSize' | 'maxRequestSize' | 'bufferMemory'> {
  const { batchSize, maxRequestSize, bufferMemory } = given
  if (batchSize !== undefined && maxRequestSize !== undefined && batchSize > maxRequestSize) {
    throw invalid('batchSize', batchSize, `must not exceed \`maxRequestSize\` (${maxRequestSize})`)
  }
  if (maxRequestSize !== undefined && bufferMemory !== undefined && maxRequestSize + RECORD_COST > bufferMemory) {
    throw invalid(
      'bufferMemory',
      bufferMemory,
      `must be at least \`maxRequestSize\` (${maxRequestSize}) and ${RECORD_COST} more, what the largest record takes`,
    )
  }
  if (batchSize !== undefined && bufferMemory !== undefined && batchSize + RECORD_COST > bufferMemory) {
    throw invalid(
      'bufferMemory',
      bufferMemory,
      `must be at least \`batchSize\` (${batchSize}) and ${RECORD_COST} more, what a record that fills a batch takes`,
    )
  }
  const largest = maxRequestSize ?? Math.max(usualRequestSize(bufferMemory), batchSize ?? 0)
  return {
    batchSize: batchSize ?? Math.min(262_144, largest),
    maxRequestSize: largest,
    bufferMemory: bufferMemory ?? Math.max(33_554_432, largest + RECORD_COST),
  }
}

/** What every service accepts, Azure Event Hubs included; librdkafka's default as well. */
const USUAL_REQUEST_SIZE = 1_000_000

/** Half of a small buffer, not all of it: a source is pulled only while there is memory for the largest record. */
function usualRequestSize(bufferMemory: number | undefined): number {
  if (bufferMemory === undefined) return USUAL_REQUEST_SIZE
  return Math.max(MIN_REQUEST_SIZE, Math.min(USUAL_REQUEST_SIZE, Math.floor(bufferMemory / 2)))
}

/** `linger` + `requestTimeoutMs` ≤ `deliveryTimeoutMs`, or no request could be answered in time. */
function timeouts(given: Given): Pick<TiedOptions, 'linger' | 'requestTimeoutMs' | 'deliveryTimeoutMs'> {
  const { linger = 0, requestTimeoutMs, deliveryTimeoutMs } = given
  const longest = deliveryTimeoutMs ?? MAX_INT32
  if (linger + (requestTimeoutMs ?? 1) > longest) throw tooLong(given)
  const answer = requestTimeoutMs ?? Math.min(30_000, longest - linger)
  return {
    linger,
    requestTimeoutMs: answer,
    deliveryTimeoutMs: deliveryTimeoutMs ?? Math.max(120_000, linger + answer),
  }
}

function tooLong({ linger, requestTimeoutMs, deliveryTimeoutMs }: Given): Error {
  const why = 'or no request could be answered in time'
  if (deliveryTimeoutMs === undefined) {
    const most = `must be at most ${MAX_INT32}, the longest \`deliveryTimeoutMs\`, less \`requestTimeoutMs\` (${requestTimeoutMs})`
    return invalid('linger', linger, `${most}, ${why}`)
  }
  const least =
    requestTimeoutMs === undefined
      ? `more than \`linger\` (${linger})`
      : linger === undefined
        ? `at least \`requestTimeoutMs\` (${requestTimeoutMs})`
        : `at least \`linger\` + \`requestTimeoutMs\` (${linger} + ${requestTimeoutMs})`
  return invalid('deliveryTimeoutMs', deliveryTimeoutMs, `must be ${least}, ${why}`)
}

/** `retryBackoffMs` ≤ `retryBackoffMaxMs`. */
function backoff(given: Given): Pick<TiedOptions, 'retryBackoffMs' | 'retryBackoffMaxMs'> {
  const { retryBackoffMs: first, retryBackoffMaxMs: longest } = given
  if (first !== undefined && longest !== undefined && longest < first) {
    throw invalid('retryBackoffMaxMs', longest, `must be at least \`retryBackoffMs\` (${first})`)
  }
  return {
    retryBackoffMs: first ?? Math.min(100, longest ?? 100),
    retryBackoffMaxMs: longest ?? Math.max(1_000, first ?? 0),
  }
}
