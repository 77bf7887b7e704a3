import type { PartitionReport } from './verify.js'

const COLUMNS = ['partition', 'records', 'first offset', 'last offset', 'in order', 'duplicates', 'missing']

/** A table, a line per partition. */
export function table(reports: readonly PartitionReport[]): string {
  const rows = reports.map(({ partition, records, first, last, inOrder, duplicates, missing }) =>
    [partition, records, first, last, inOrder ? 'yes' : 'NO', duplicates, missing].map(String),
  )
  return [COLUMNS, ...rows]
    .map(cells => cells.map((cell, column) => cell.padStart(COLUMNS[column]!.length)).join('  '))
    .join('\n')
}

/** Every acked record is in the log once, where the ack says, in the order of the input. */
export function isExact({ inOrder, duplicates, missing }: PartitionReport): boolean {
  return inOrder && duplicates === 0 && missing === 0
}

/** `broker 1: 4, broker 2: 3` */
export function perBroker(requests: ReadonlyMap<number, number>): string {
  const sorted = [...requests].sort(([a], [b]) => a - b)
  return sorted.map(([node, count]) => `broker ${node}: ${count}`).join(', ') || 'none'
}
