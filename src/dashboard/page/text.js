/** Numbers and names, as text. */

const WHOLE = new Intl.NumberFormat('en')

/** @param {number} value */
export const whole = value => WHOLE.format(Math.round(value))

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return `${Math.round(bytes)} B`
  if (bytes < 1e6) return `${(bytes / 1000).toFixed(bytes < 1e4 ? 1 : 0)} kB`
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`
}

/** @param {number} ms */
export function duration(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 10_000) return `${whole(ms)} ms`
  return `${(ms / 1000).toFixed(0)} s`
}

/** Letters that change the direction or the lines of what follows, or show nothing, are written as their codes. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** @param {string} text */
export const visible = text =>
  text.replace(UNSEEN, letter => `\\u${letter.codePointAt(0)?.toString(16).padStart(4, '0')}`)

/** @param {{ topic: string, partition: number }} of */
export const nameOf = ({ topic, partition }) => `${visible(topic)}-${partition}`

/** @param {{ firstSequence: number, lastSequence: number }} batch */
export const sequencesOf = ({ firstSequence, lastSequence }) =>
  firstSequence === lastSequence ? `${firstSequence}` : `${firstSequence}–${lastSequence}`

/** What users call the states that metrics have. */
export const STATES = { open: 'open', probing: 'probing', draining: 'muted', paused: 'paused' }
