import { createRequire } from 'node:module'

/**
 * Loads a package, or a file of it, that need not be installed, when it is first needed. A bundler does not see it: most of these packages are
 * native code, which cannot be bundled.
 *
 * @throws what `require()` throws: with code `MODULE_NOT_FOUND` when the package is not installed.
 */
export function loadPackage(name: string): unknown {
  return createRequire(import.meta.filename)(name)
}

/** As {@link loadPackage}; returns undefined when the package is not installed. */
export function loadIfInstalled(name: string): unknown {
  try {
    return loadPackage(name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}
