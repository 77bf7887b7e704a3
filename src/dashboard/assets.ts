import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Asset {
  readonly type: string
  readonly bytes: Buffer
}

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/style.css': ['style.css', 'text/css; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
  '/main.js': ['main.js', 'text/javascript; charset=utf-8'],
  '/brokers.js': ['brokers.js', 'text/javascript; charset=utf-8'],
  '/elements.js': ['elements.js', 'text/javascript; charset=utf-8'],
  '/figures.js': ['figures.js', 'text/javascript; charset=utf-8'],
  '/motion.js': ['motion.js', 'text/javascript; charset=utf-8'],
  '/table.js': ['table.js', 'text/javascript; charset=utf-8'],
  '/text.js': ['text.js', 'text/javascript; charset=utf-8'],
}

/** Reads the page's files. They are served as they are written: the build copies their folder beside the bundle. */
export async function readAssets(): Promise<ReadonlyMap<string, Asset>> {
  const entries = Object.entries(FILES).map(async ([path, [file, type]]): Promise<[string, Asset]> => {
    const bytes = await readFile(join(import.meta.dirname, 'page', file))
    return [path, { type, bytes }]
  })
  return new Map(await Promise.all(entries))
}
