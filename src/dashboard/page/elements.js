/** The few ways in which this page makes elements. Everything that is shown is text: there is no markup in data. */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} [className]
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, className = '', text = '') {
  const made = document.createElement(tag)
  if (className !== '') made.className = className
  if (text !== '') made.textContent = text
  return made
}

/**
 * @param {Element} of
 * @param {string} text
 */
export function setText(of, text) {
  if (of.textContent !== text) of.textContent = text
}

/**
 * @param {Element} of
 * @param {string} className
 */
export function setClass(of, className) {
  if (of.className !== className) of.className = className
}

/**
 * Makes the children of `parent` those of `items`, in order; an element stays as long as its key does.
 *
 * @template T
 * @template {HTMLElement} E
 * @param {HTMLElement} parent
 * @param {readonly T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => E} create
 * @param {(child: E, item: T) => void} update
 */
export function keyed(parent, items, keyOf, create, update) {
  const before = new Map([...parent.children].map(child => [/** @type {HTMLElement} */ (child).dataset.key, child]))
  /** @type {ChildNode | null} */
  let next = parent.firstChild
  for (const item of items) {
    const key = keyOf(item)
    let child = /** @type {E | undefined} */ (before.get(key))
    before.delete(key)
    if (child === undefined) {
      child = create(item)
      child.dataset.key = key
    }
    if (child === next) next = child.nextSibling
    else parent.insertBefore(child, next)
    update(child, item)
  }
  for (const gone of before.values()) gone.remove()
}

/** @param {string} id */
export function byId(id) {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`there is no #${id}`)
  return found
}
