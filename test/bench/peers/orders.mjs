const CITIES = ['Rotterdam', 'Lyon', 'Porto', 'Gdansk', 'Turin', 'Leeds', 'Bergen', 'Graz', 'Brno', 'Malmo']
const WORDS =
  `amber anchor basket birch button candle carpet cedar chair copper cotton curtain desk drawer ember fabric felt flute
  frame glass hammer handle jar kettle ladder lamp leather linen marble mirror needle oak paper pencil pillow plate quilt ribbon
  saddle shelf silver spoon table thread timber towel velvet walnut wool`.split(/\s+/)

/** An order of an online shop as JSON of about `size` bytes. Numbers and words differ from order to order as they do there. */
export function order(seed, size) {
  let state = seed + 1
  const random = below => {
    state = (state * 1103515245 + 12345) % 0x80000000
    return Math.floor((state / 0x80000000) * below)
  }
  const pick = words => words[random(words.length)]
  const made = {
    id: `order-${random(1e9)}`,
    customer: { id: random(1e6), city: pick(CITIES) },
    at: 1_790_000_000_000 + random(1e9),
    lines: [],
  }
  while (JSON.stringify(made).length < size - 70) {
    const title = `${pick(WORDS)} ${pick(WORDS)}`
    made.lines.push({ sku: `${pick(WORDS)}-${random(1e5)}`, title, quantity: 1 + random(9), cents: random(1e5) })
  }
  return JSON.stringify(made)
}
