import { createRequire } from 'node:module'

/**
 * Loads a package, or a file of it, that users install beside this library.
 *
 * @throws an error with code `MODULE_NOT_FOUND` when it is not installed.
 */
export const requireInstalled: (name: string) => unknown = createRequire(import.meta.url)

/** As {@link requireInstalled}; returns undefined when it is not installed. */
export function ifInstalled(name: string): unknown {
  try {
    return requireInstalled(name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}
