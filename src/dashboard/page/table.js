import { byId, element, keyed, setText } from './elements.js'
import { nameOf, STATES, sequencesOf, whole } from './text.js'

/** @typedef {import('../state.js').DashboardState} State */
/** @typedef {import('../state.js').PartitionState} Partition */

/** Everything that the windows show, as text. @param {State} state */
export function showTable({ brokers, partitions }) {
  const inFlight = (/** @type {Partition} */ { topic, partition }) =>
    brokers.flatMap(({ nodeId, requests }) =>
      requests.flatMap(({ batches }) =>
        batches
          .filter(batch => batch.topic === topic && batch.partition === partition)
          .map(batch => `${sequencesOf(batch)} at ${nodeId}`),
      ),
    )
  keyed(
    byId('table'),
    partitions,
    nameOf,
    () => {
      const row = element('tr')
      const name = element('th')
      name.scope = 'row'
      row.append(name, ...Array.from({ length: 6 }, () => element('td')))
      return row
    },
    (row, partition) => {
      const { leader, state, waiting, returned, acked } = partition
      const texts = [
        nameOf(partition),
        leader === -1 ? 'none' : `broker ${leader}`,
        STATES[state],
        `${waiting}`,
        returned.map(sequencesOf).join(', '),
        inFlight(partition).join(', '),
        whole(acked),
      ]
      for (const [i, text] of texts.entries()) setText(/** @type {Element} */ (row.children[i]), text)
    },
  )
}
