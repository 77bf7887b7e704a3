/**
 * Says which name was probably meant, or lists all.
 *
 * @param kind what the names are, in the plural.
 */
export function nearest(kind: string, given: string, names: readonly string[]): string {
  const near = nearestName(given, names)
  return near === undefined ? `the ${kind} are ${names.join(', ')}` : `did you mean ${near}?`
}

/**
 * The name that takes the fewest edits; undefined if all are too different.
 *
 * @param most edits. Default a third of the letters.
 */
export function nearestName(
  given: string,
  names: readonly string[],
  most: number = Math.max(1, Math.floor(given.length / 3)),
): string | undefined {
  let best: string | undefined
  let least = most + 1
  for (const name of names) {
    const edits = distance(given.toLowerCase(), name.toLowerCase())
    if (edits < least) [best, least] = [name, edits]
  }
  return best
}

/** How many letters must be inserted, removed, replaced or swapped with their neighbour to make `b` of `a`. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      let edits = Math.min(last[j]! + 1, row[j - 1]! + 1, change)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) edits = Math.min(edits, before[j - 2]! + 1)
      row.push(edits)
    }
    before = last
    last = row
  }
  return last[b.length]!
}
