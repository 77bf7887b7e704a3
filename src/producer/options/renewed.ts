import { AuthenticationError, ConnectionError, describe } from '../../errors.js'
import { readOptions } from '../../read-options.js'

/**
 * Wraps an option that is given as a function: the function is called anew for each connection, and what it returns is resolved as the
 * option itself would be. Equal options in a row are resolved once.
 *
 * What the function throws may pass, as a vault that is down does, so it is tried again with back-off; except for an AuthenticationError.
 * A malformed result is final.
 */
export function renewed<T extends object, R>(
  option: string,
  get: () => T | Promise<T>,
  resolve: (given: T) => R,
): () => Promise<R> {
  let last: { readonly given: T; readonly resolved: R } | undefined
  return async () => {
    const given = await call(option, get)
    try {
      const read = typeof given === 'object' && given !== null ? readOptions(given) : given
      if (last === undefined || !same(last.given, read)) last = { given: read, resolved: resolve(read) }
      return last.resolved
    } catch (cause) {
      const message = `the function in option \`${option}\` returned something else than that option takes: ${describe(cause)}`
      throw new AuthenticationError(message, { cause })
    }
  }
}

async function call<T>(option: string, get: () => T | Promise<T>): Promise<T> {
  try {
    return await get()
  } catch (cause) {
    const message = `the function in option \`${option}\` failed: ${describe(cause)}`
    throw cause instanceof AuthenticationError
      ? new AuthenticationError(message, { cause })
      : new ConnectionError(message, { cause })
  }
}

function same(a: object, b: object): boolean {
  const names = Object.keys(a) as (keyof typeof a)[]
  return (
    names.length === Object.keys(b).length && names.every(name => Object.hasOwn(b, name) && Object.is(a[name], b[name]))
  )
}
