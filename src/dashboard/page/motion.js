/** Batches that move: from the queue into a slot, back, or out as an ack. Positions tell everything, so without motion nothing is lost. */

const MOVE_MS = 260

/** Batches that an eye can follow. More just change: moving them would take most of a processor. */
const MOST_MOVING = 80

const BATCHES = '.partition .batch[data-batch]'
const still = matchMedia('(prefers-reduced-motion: reduce)')

/**
 * Lets `change` change the page, and has every batch travel from where it was to where it is.
 *
 * @param {() => void} change
 */
export function moving(change) {
  if (still.matches || document.hidden || document.querySelectorAll(BATCHES).length > MOST_MOVING) {
    change()
    return
  }
  const before = places()
  change()
  const after = places()
  for (const [key, { child, box }] of after) {
    const old = before.get(key)
    if (old === undefined) continue
    before.delete(key)
    const x = old.box.left - box.left
    const y = old.box.top - box.top
    if (Math.abs(x) + Math.abs(y) < 2) continue
    child.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: 'none' }], {
      duration: MOVE_MS,
      easing: 'ease-out',
    })
  }
  for (const old of before.values()) leave(old)
}

/** @typedef {{ child: HTMLElement, box: DOMRect, row: HTMLElement | null, rowTop: number, flying: boolean }} Place */

/** @returns {Map<string, Place>} */
function places() {
  const found = new Map()
  for (const child of document.querySelectorAll(BATCHES)) {
    const of = /** @type {HTMLElement} */ (child)
    const flying = of.parentElement?.classList.contains('slot') ?? false
    const row = /** @type {HTMLElement | null} */ (of.closest('.partition'))
    const rowTop = row?.getBoundingClientRect().top ?? 0
    found.set(of.dataset.batch, { child: of, box: of.getBoundingClientRect(), row, rowTop, flying })
  }
  return found
}

/** A batch that was in flight and is nowhere now has its ack: it leaves to the right. @param {Place} place */
function leave({ child, box, row, rowTop, flying }) {
  const exit = row?.querySelector('.acked')?.getBoundingClientRect()
  if (!flying || row === null || !row.isConnected || exit === undefined) return
  const ghost = /** @type {HTMLElement} */ (child.cloneNode(true))
  ghost.classList.add('leaving')
  ghost.removeAttribute('data-batch')
  ghost.setAttribute('aria-hidden', 'true')
  ghost.style.left = `${box.left}px`
  ghost.style.top = `${box.top + row.getBoundingClientRect().top - rowTop}px`
  document.body.append(ghost)
  const there = `translate(${exit.left - box.right}px, 0)`
  ghost
    .animate(
      [
        { transform: 'none', opacity: 1 },
        { transform: there, opacity: 0 },
      ],
      { duration: MOVE_MS, easing: 'ease-in' },
    )
    .finished.then(
      () => ghost.remove(),
      () => ghost.remove(),
    )
}
