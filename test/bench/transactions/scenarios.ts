/** What is measured with transactions. */
export interface Scenario {
  readonly title: string
  readonly perTransaction: number
  readonly size: number
}

export const SCENARIOS: readonly Scenario[] = [
  { title: '10,000 records of 100 B a transaction', perTransaction: 10_000, size: 100 },
  { title: '1,000 records of 100 B a transaction', perTransaction: 1_000, size: 100 },
  { title: '10,000 records of 1 KB a transaction', perTransaction: 10_000, size: 1_000 },
]

/** Records of the small transactions whose duration is measured. */
export const SMALL: readonly number[] = [1, 100]
