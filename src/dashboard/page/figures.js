import { byId, element, setText } from './elements.js'
import { duration, size, whole } from './text.js'

/** @typedef {import('../state.js').DashboardState} State */
/** @typedef {import('../state.js').Sample} Sample */

const SECONDS = 60
const SVG = 'http://www.w3.org/2000/svg'

/** @type {Sample[]} */
let history = []
let lastSecond = 0

const FIGURES = [
  figure('Acked records/s', sample => sample.recordsPerSecond, whole),
  figure('Request latency', sample => sample.latencyMs, duration),
  figure('Buffer in use', sample => sample.bufferUsedBytes, size),
]

/** @param {Sample[]} samples */
export function showHistory(samples) {
  history = samples
  lastSecond = samples.at(-1)?.second ?? 0
  draw()
}

/** @param {State} state */
export function showFigures({ sample }) {
  if (sample.second === lastSecond) return
  lastSecond = sample.second
  history = [...history, sample].slice(-SECONDS)
  draw()
}

function draw() {
  for (const show of FIGURES) show()
}

/**
 * @param {string} title
 * @param {(sample: Sample) => number} read
 * @param {(value: number) => string} format
 * @returns {() => void}
 */
function figure(title, read, format) {
  const box = element('div')
  const value = element('dd', '', '–')
  const chart = document.createElementNS(SVG, 'svg')
  chart.setAttribute('viewBox', `0 0 ${SECONDS - 1} 20`)
  chart.setAttribute('preserveAspectRatio', 'none')
  chart.setAttribute('aria-hidden', 'true')
  const line = document.createElementNS(SVG, 'path')
  chart.append(line)
  const holder = element('dd')
  holder.append(chart)
  box.append(element('dt', '', title), value, holder)
  byId('figures').append(box)
  return () => {
    const values = history.map(read)
    if (values.length === 0) return
    setText(value, format(values[values.length - 1] ?? 0))
    const most = Math.max(...values, 1e-9)
    const from = SECONDS - values.length
    const points = values.map((one, i) => `${from + i} ${(19 - (one / most) * 17).toFixed(1)}`)
    line.setAttribute('d', `M${points.join('L')}`)
    box.title = `the last ${values.length} s, at most ${format(most)}`
  }
}
