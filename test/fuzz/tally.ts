/** What came of the frames, by how they were tampered with. */
export class Tally {
  readonly #counts = new Map<string, Map<string, number>>()
  readonly #most = new Map<string, number>()

  add(kind: string, outcome: string): void {
    const outcomes = this.#counts.get(kind) ?? new Map<string, number>()
    this.#counts.set(kind, outcomes)
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }

  most(what: string, value: number): void {
    this.#most.set(what, Math.max(value, this.#most.get(what) ?? 0))
  }

  get total(): number {
    let total = 0
    for (const outcomes of this.#counts.values()) for (const count of outcomes.values()) total += count
    return total
  }

  has(kind: string): boolean {
    return this.#counts.has(kind)
  }

  /** How often this was the outcome, however it was tampered with. */
  count(outcome: string): number {
    let total = 0
    for (const outcomes of this.#counts.values()) total += outcomes.get(outcome) ?? 0
    return total
  }

  toString(): string {
    const rows = [...this.#counts].sort(([a], [b]) => a.localeCompare(b))
    const lines = rows.map(([kind, outcomes]) => {
      const parts = [...outcomes].sort(([, a], [, b]) => b - a).map(([outcome, count]) => `${count} ${outcome}`)
      return `  ${kind.padEnd(28)} ${parts.join(', ')}`
    })
    const most = [...this.#most].map(([what, value]) => `  at most ${value} ${what}`)
    return [...lines, ...most].join('\n')
  }
}
