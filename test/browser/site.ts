import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { extname, join, normalize } from 'node:path'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
}

/** Every page of a folder, as a path from it. */
export const pagesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.html'))

/**
 * Serves a folder beneath a path of its own, as a project's page of a forge does, and nothing outside of it.
 *
 * @returns the server and the address of the folder, with a slash at its end.
 */
export async function serveFolder(folder: string): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const path = normalize(join(folder, decodeURIComponent(pathname.replace(/^\/docs\//, '/'))))
    const found =
      pathname.startsWith('/docs/') && path.startsWith(folder) && statSync(path, { throwIfNoEntry: false })?.isFile()
    const type = TYPES[extname(path)] ?? 'text/plain'
    response.writeHead(found ? 200 : 404, { 'content-type': type, 'cache-control': 'max-age=600' })
    response.end(found ? readFileSync(path) : 'not found')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return { server, url: `http://127.0.0.1:${address.port}/docs/` }
}

/** What a page links to, without other sites: `page` and, where there is one, the id in it. */
export function linksOf(html: string, page: string): { readonly page: string; readonly id: string | undefined }[] {
  const base = new URL(page, 'http://site/')
  return [...html.matchAll(/<(?:a|link|img|script|source)\b[^>]*?\s(?:href|src|srcset)="([^"]*)"/g)].flatMap(
    ([, to]) => {
      const url = new URL(to!.replaceAll('&amp;', '&'), base)
      if (url.host !== 'site') return []
      const id = decodeURIComponent(url.hash.slice(1))
      return [{ page: decodeURIComponent(url.pathname.slice(1)) || 'index.html', id: id === '' ? undefined : id }]
    },
  )
}

export const idsOf = (html: string): ReadonlySet<string> =>
  new Set([...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id!.replaceAll('&amp;', '&')))
