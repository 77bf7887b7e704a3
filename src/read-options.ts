/**
 * Reads every option of an object, once: its own and those that it inherits, from defaults or from a class with getters, but not
 * what all objects have. What is checked and used from here on is what was read: a getter may give something else each time.
 * Inherited methods keep the object that they are called on.
 *
 * @example readOptions(Object.create({ linger: 5 })) // { linger: 5 }
 */
export function readOptions<T extends object>(given: T): T {
  const read = new Map<string, unknown>()
  for (
    let from: object | null = given;
    from !== null && from !== Object.prototype;
    from = Object.getPrototypeOf(from)
  ) {
    const own = from === given
    for (const name of Object.getOwnPropertyNames(from)) {
      // A class has a constructor, and may have a toString() of its own.
      if (read.has(name) || (!own && name in Object.prototype)) continue
      const value: unknown = given[name as keyof T]
      read.set(name, !own && typeof value === 'function' ? value.bind(given) : value)
    }
  }
  return Object.fromEntries(read) as T
}
