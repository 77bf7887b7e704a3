import { byId, element, keyed, setClass, setText } from './elements.js'
import { duration, nameOf, STATES, sequencesOf, size, visible, whole } from './text.js'

/** @typedef {import('../state.js').DashboardState} State */
/** @typedef {import('../state.js').BrokerState} Broker */
/** @typedef {import('../state.js').PartitionState} Partition */
/** @typedef {import('../state.js').BatchState} Batch */
/** @typedef {import('../state.js').ReturnedBatch} Returned */
/** @typedef {{ broker: Broker, partitions: Partition[] }} Block */

/** Batches of a queue that are drawn one by one. */
const MOST_DRAWN = 6

/** @param {State} state */
export function showBrokers(state) {
  keyed(byId('brokers'), blocksOf(state), ({ broker }) => `${broker.nodeId}`, createBroker, updateBroker)
}

/** Each broker with the partitions that it leads, or still owes a response for. @param {State} state @returns {Block[]} */
function blocksOf({ brokers, partitions }) {
  const blocks = brokers.map(broker => {
    const carried = new Set(broker.requests.flatMap(({ batches }) => batches.map(nameOf)))
    const own = partitions.filter(one => one.leader === broker.nodeId || carried.has(nameOf(one)))
    return { broker, partitions: own }
  })
  const leaderless = partitions.filter(({ leader }) => leader === -1)
  if (leaderless.length === 0) return blocks
  const nobody = {
    nodeId: -1,
    address: '',
    connected: false,
    maxInFlight: 0,
    latencyP50: 0,
    latencyP99: 0,
    throttledMs: 0,
  }
  return [...blocks, { broker: { ...nobody, requests: [] }, partitions: leaderless }]
}

/** @param {Block} block */
function createBroker({ broker }) {
  const made = element('section', 'broker')
  made.dataset.broker = `${broker.nodeId}`
  const head = element('header')
  head.append(
    element('h2', '', broker.nodeId === -1 ? 'No leader' : `Broker ${broker.nodeId}`),
    element('span', 'address'),
    element('span', 'depth'),
    element('span', 'wide latency'),
    element('span', 'flag'),
  )
  const heads = element('div', 'row heads')
  heads.setAttribute('aria-hidden', 'true')
  made.append(head, heads, element('div', 'partitions'))
  return made
}

/** @param {HTMLElement} section @param {Block} block */
function updateBroker(section, { broker, partitions }) {
  const { nodeId, address, connected, requests, maxInFlight, latencyP50, latencyP99, throttledMs } = broker
  const within = (/** @type {string} */ name) =>
    /** @type {HTMLElement} */ (section.querySelector(`:scope > header .${name}`))
  setText(within('address'), visible(address))
  setText(within('depth'), nodeId === -1 ? '' : `${requests.length} of ${maxInFlight} in flight`)
  setText(within('latency'), latencyP50 === 0 ? '' : `latency p50 ${duration(latencyP50)}, p99 ${duration(latencyP99)}`)
  setText(within('flag'), flagOf(nodeId, connected, throttledMs))
  section.style.setProperty('--slots', `${maxInFlight}`)
  section.dataset.inFlight = `${requests.length}`
  showHeads(/** @type {HTMLElement} */ (section.children[1]), broker)
  keyed(/** @type {HTMLElement} */ (section.children[2]), partitions, nameOf, createPartition, (row, partition) =>
    updatePartition(row, partition, broker),
  )
}

/** @param {number} nodeId @param {boolean} connected @param {number} throttledMs */
function flagOf(nodeId, connected, throttledMs) {
  if (nodeId === -1) return 'batches wait until metadata names one'
  if (throttledMs > 0) return `throttled for ${duration(throttledMs)}`
  return connected ? '' : 'not connected'
}

/** @param {Broker} broker The slots from left to right: the request that was sent last comes first, the next to be answered is last. */
function slotsOf({ requests, maxInFlight }) {
  return Array.from({ length: maxInFlight }, (_, i) => ({
    slot: maxInFlight - i,
    request: requests[maxInFlight - 1 - i],
  }))
}

/** @param {HTMLElement} heads @param {Broker} broker */
function showHeads(heads, broker) {
  const cells = [
    { key: 'name', className: 'name', lines: [''] },
    { key: 'waiting', className: 'waiting', lines: ['waiting →'] },
    ...slotsOf(broker).map(({ slot, request }) => ({
      key: `${slot}`,
      className: request === undefined ? 'slot free' : 'slot',
      lines: request === undefined ? ['', 'free'] : [duration(request.ageMs), size(request.bytes)],
    })),
    { key: 'acked', className: 'acked', lines: ['→ acked'] },
  ]
  keyed(
    heads,
    cells,
    ({ key }) => key,
    () => {
      const cell = element('div')
      cell.append(element('b'), element('span'))
      return cell
    },
    (cell, { className, lines }) => {
      setClass(cell, className)
      setText(/** @type {Element} */ (cell.firstElementChild), lines.length === 1 ? '' : (lines[0] ?? ''))
      setText(/** @type {Element} */ (cell.lastElementChild), lines[lines.length - 1] ?? '')
    },
  )
}

function createPartition() {
  const row = element('div', 'row partition')
  const name = element('div', 'name')
  name.append(element('b'), element('span', 'state'), element('em'))
  const waiting = element('div', 'waiting')
  waiting.append(element('span', 'count'), element('span', 'queue'), element('span', 'gate'))
  row.append(name, waiting)
  const acked = element('div', 'acked')
  acked.append(element('span', 'total'), element('span', 'wide count'))
  row.append(acked)
  return row
}

/** @param {HTMLElement} row @param {Partition} partition @param {Broker} broker */
function updatePartition(row, partition, broker) {
  const { state, leader, waiting, returned, acked, lastOffset } = partition
  const here = leader === broker.nodeId
  setClass(row, `row partition is-${here ? state : 'leaving'}`)
  row.dataset.partition = nameOf(partition)
  row.dataset.state = state
  const [name, queue] = /** @type {[HTMLElement, HTMLElement]} */ (/** @type {unknown} */ (row.children))
  const last = /** @type {HTMLElement} */ (row.querySelector(':scope > .acked'))
  setText(/** @type {Element} */ (name.children[0]), nameOf(partition))
  setText(/** @type {Element} */ (name.children[1]), here ? STATES[state] : '')
  setText(
    /** @type {Element} */ (name.children[2]),
    here ? '' : `moved to ${leader === -1 ? 'nobody' : `broker ${leader}`}, which waits for this`,
  )
  showQueue(queue, here ? waiting : 0, here ? returned : [])
  showSlots(row, last, partition, broker)
  setText(/** @type {Element} */ (last.children[0]), here ? whole(acked) : '')
  setText(/** @type {Element} */ (last.children[1]), here && lastOffset !== '' ? `offset ${lastOffset}` : '')
  row.dataset.acked = lastOffset
}

/** Batches that were never sent at the left, those to be sent again at the right, next to the window. @param {HTMLElement} cell @param {number} waiting @param {readonly Returned[]} returned */
function showQueue(cell, waiting, returned) {
  const fresh = Math.max(0, waiting - returned.length)
  const drawn = [
    ...Array.from({ length: Math.min(fresh, Math.max(0, MOST_DRAWN - returned.length)) }, (_, i) => ({
      key: `${-i}`,
      batch: undefined,
    })).reverse(),
    ...returned
      .slice(0, MOST_DRAWN)
      .map(batch => ({ key: keyOf(batch), batch }))
      .reverse(),
  ]
  setText(/** @type {Element} */ (cell.children[0]), waiting === 0 ? '' : whole(waiting))
  cell.classList.toggle('many', returned.length > 2)
  keyed(
    /** @type {HTMLElement} */ (cell.children[1]),
    drawn,
    ({ key }) => key,
    ({ batch }) => (batch === undefined ? element('span', 'batch unsent') : chip(batch)),
    (child, { batch }) => {
      if (batch !== undefined) updateChip(child, batch, batch.stored ? 'stored' : 'again', false)
    },
  )
}

/** @param {HTMLElement} row @param {HTMLElement} before @param {Partition} partition @param {Broker} broker */
function showSlots(row, before, partition, broker) {
  const slots = slotsOf(broker)
  const cells = [...row.querySelectorAll(':scope > .slot')]
  while (cells.length < slots.length) {
    const cell = element('div', 'slot')
    row.insertBefore(cell, before)
    cells.push(cell)
  }
  for (const extra of cells.splice(slots.length)) extra.remove()
  for (const [i, { request }] of slots.entries()) {
    const batch = request?.batches.find(one => one.topic === partition.topic && one.partition === partition.partition)
    keyed(/** @type {HTMLElement} */ (cells[i]), batch === undefined ? [] : [batch], keyOf, chip, (child, one) =>
      updateChip(child, one, one.attempt > 1 ? 'again' : 'fresh', true),
    )
  }
}

/** A batch keeps this on its whole way. @param {Batch} batch */
const keyOf = batch => `${batch.partition} ${batch.epoch} ${batch.firstSequence} ${batch.topic}`

/** @param {Batch} batch */
function chip(batch) {
  const made = element('span')
  made.dataset.batch = keyOf(batch)
  made.append(element('span'), element('span', 'wide'))
  return made
}

const MARKS = { fresh: '', again: '↺ ', stored: '✓ ' }

/** @param {HTMLElement} child @param {Batch} batch @param {keyof typeof MARKS} kind @param {boolean} inFlight */
function updateChip(child, batch, kind, inFlight) {
  setClass(child, `batch ${kind}`)
  const { firstSequence, lastSequence, attempt, epoch, bytes } = batch
  setText(/** @type {Element} */ (child.children[0]), `${MARKS[kind]}${firstSequence}`)
  setText(/** @type {Element} */ (child.children[1]), firstSequence === lastSequence ? '' : `–${lastSequence}`)
  child.dataset.attempt = `${attempt}`
  child.title = `sequences ${sequencesOf(batch)} of epoch ${epoch}, ${size(bytes)}, ${inFlight ? `request ${attempt} that carries it` : `sent ${attempt}×`}`
}
