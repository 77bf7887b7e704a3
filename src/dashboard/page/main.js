import { showBrokers } from './brokers.js'
import { byId, element, keyed, setText } from './elements.js'
import { showFigures, showHistory } from './figures.js'
import { moving } from './motion.js'
import { showTable } from './table.js'
import { visible, whole } from './text.js'

/** @typedef {import('../state.js').DashboardState} State */
/** @typedef {import('../state.js').Line} Line */
/** @typedef {import('../state.js').Sample} Sample */
/** @typedef {{ label: string, help?: string }} Action */
/** @typedef {{ version: string, token: string, rules: string[], actions: Action[], history: Sample[] }} Hello */

const MOST_LINES = 60

/** @type {readonly string[]} */
let rules = []
/** @type {Line[]} */
let lines = []
/** Not shown yet. @type {State | undefined} */
let latest

const source = new EventSource('/events')
on('hello', (/** @type {Hello} */ hello) => {
  rules = hello.rules
  lines = []
  showHistory(hello.history)
  byId('rules').replaceChildren(...rules.map(rule => element('li', '', rule)))
  byId('actions').replaceChildren(...hello.actions.map((action, i) => button(action, i, hello.token)))
  if (hello.actions.length > 0) byId('story').hidden = false
})
on('line', (/** @type {Line} */ line) => {
  lines = [line, ...lines].slice(0, MOST_LINES)
  keyed(
    byId('lines'),
    lines,
    ({ id }) => `${id}`,
    createLine,
    () => {},
  )
})
on('note', (/** @type {{ title: string, text: string, rule?: number }} */ note) => {
  byId('story').hidden = false
  setText(byId('note-title'), visible(note.title))
  setText(byId('note-text'), visible(note.text))
  setText(byId('note-rule'), note.rule === undefined ? '' : `Rule ${note.rule}: ${rules[note.rule - 1] ?? ''}`)
})
on('state', (/** @type {State} */ state) => {
  showFigures(state)
  if (latest === undefined) requestAnimationFrame(show)
  latest = state
})

/** Shows the latest state, as often as the browser can draw: a slow or hidden page skips what came between. */
function show() {
  const state = /** @type {State} */ (latest)
  latest = undefined
  setText(byId('client'), visible(state.clientId))
  setText(byId('link'), state.ended === undefined ? 'live' : `ended: ${visible(state.ended)}`)
  moving(() => showBrokers(state))
  const { hiddenPartitions } = state
  setText(byId('hidden'), hiddenPartitions === 0 ? '' : `${whole(hiddenPartitions)} more partitions are not shown.`)
  if (/** @type {HTMLDetailsElement} */ (byId('table-details')).open) showTable(state)
}

source.onerror = () => setText(byId('link'), 'no connection to the process; trying again')

/**
 * @template T
 * @param {string} name
 * @param {(data: T) => void} handle
 */
function on(name, handle) {
  source.addEventListener(name, event => handle(JSON.parse(event.data)))
}

/** @param {Line} line */
function createLine({ at, text, rule }) {
  const item = element('li')
  const time = element('time', '', new Date(at).toTimeString().slice(0, 8))
  time.dateTime = new Date(at).toISOString()
  item.append(time, visible(text))
  if (rule !== undefined) {
    const mark = element('span', 'rule', ` [${rule}]`)
    mark.title = rules[rule - 1] ?? ''
    item.append(mark)
  }
  return item
}

/** @param {Action} action @param {number} index @param {string} token */
function button({ label, help }, index, token) {
  const made = element('button', '', visible(label))
  made.type = 'button'
  if (help !== undefined) made.title = visible(help)
  made.addEventListener('click', async () => {
    made.disabled = true
    try {
      const response = await fetch(`/actions/${index}`, { method: 'POST', headers: { 'x-rx-kafka-token': token } })
      setText(byId('action-error'), response.ok ? '' : visible(await response.text()))
    } catch {
      setText(byId('action-error'), 'The process does not answer.')
    }
    made.disabled = false
    made.focus()
  })
  return made
}
