import type { Page } from 'playwright-core'

/** What the page showed of a partition, in the block of one broker. */
export interface SeenRow {
  readonly partition: string
  readonly state: string
  /** First sequences in the slots, oldest first. */
  readonly inFlight: readonly number[]
  /** First sequences of batches that came back, next one first. */
  readonly returned: readonly number[]
  /** Last offset; empty: none. */
  readonly acked: string
}

export interface SeenBroker {
  readonly broker: string
  readonly inFlight: number
  readonly usedSlots: number
  readonly rows: readonly SeenRow[]
}

/** Has the page keep what it shows after each change. */
export async function startRecording(page: Page): Promise<void> {
  await page.evaluate(RECORDER)
}

/** Returns what it has shown since the last time. */
export function recorded(page: Page): Promise<SeenBroker[][]> {
  return page.evaluate('window.seen.splice(0)') as Promise<SeenBroker[][]>
}

/** Text, because tsx would put a helper of its own into a function, which the page does not have. */
const RECORDER = `(() => {
  window.seen = []
  const first = batch => Number(/\\d+/.exec(batch.children[0].textContent)[0])
  const batches = cells => [...cells].map(first).reverse()
  const row = element => ({
    partition: element.dataset.partition,
    state: element.dataset.state,
    inFlight: batches(element.querySelectorAll('.slot .batch')),
    returned: batches(element.querySelectorAll('.queue .batch[data-batch]')),
    acked: element.dataset.acked,
  })
  const broker = element => ({
    broker: element.dataset.broker,
    inFlight: Number(element.dataset.inFlight),
    usedSlots: element.querySelectorAll('.heads .slot:not(.free)').length,
    rows: [...element.querySelectorAll('.partition')].map(row),
  })
  const read = () => window.seen.push([...document.querySelectorAll('.broker')].map(broker))
  new MutationObserver(read).observe(document.querySelector('#brokers'), { subtree: true, childList: true, characterData: true })
})()`

/** Returns texts whose contrast with what is behind them is less than WCAG's AA asks for, 4.5 to 1. */
export function lowContrast(page: Page): Promise<string[]> {
  return page.evaluate(CONTRAST) as Promise<string[]>
}

const CONTRAST = `(() => {
  const parse = text => (text.match(/[\\d.]+/g) ?? []).map(Number)
  const luminance = rgb => {
    const [r, g, b] = rgb.map(value => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = element => {
    for (let at = element; at !== null; at = at.parentElement) {
      const [r, g, b, alpha = 1] = parse(getComputedStyle(at).backgroundColor)
      if (alpha === 1) return [r, g, b]
    }
    return [255, 255, 255]
  }
  const wrong = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  let looked = 0
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement
    if (node.textContent.trim() === '' || element.closest('.leaving, script, noscript') || !element.checkVisibility()) continue
    looked++
    const [one, two] = [luminance(parse(getComputedStyle(element).color).slice(0, 3)), luminance(behind(element))]
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05)
    if (ratio < 4.5) wrong.push(node.textContent + ': ' + ratio.toFixed(2))
  }
  return looked < 20 ? ['only ' + looked + ' texts were found'] : wrong
})()`
