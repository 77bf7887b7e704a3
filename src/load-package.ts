import { createRequire } from 'node:module'

/**
 * Loads a package that need not be installed, when it is first needed. A bundler does not see it: most of these packages
 * are native code, which cannot be bundled.
 *
 * @throws what `require()` throws when the package is not installed, or not built for this platform.
 */
export function loadPackage(name: string): unknown {
  return createRequire(import.meta.filename)(name)
}
