import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))

const pages = [
  ...readdirSync(root).filter(name => name.endsWith('.md')),
  ...['docs', 'src'].flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      // The site's tools bring pages of their own.
      .filter(name => name.endsWith('.md') && !name.startsWith('site/'))
      .map(name => join(folder, name)),
  ),
]

const textOf = (page: string): string => readFileSync(page, 'utf8').replace(/^```.*?^```/gms, '')

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): string[] {
  return [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test('every relative link of a page leads to a file, and to a heading in it', () => {
  let links = 0
  for (const page of pages) {
    for (const [, target] of textOf(join(root, page)).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)) {
      const [path, anchor] = target!.split('#') as [string, string | undefined]
      const file = path === '' ? join(root, page) : resolve(root, dirname(page), path)
      assert.ok(existsSync(file), `${page} links to ${target}, which does not exist`)
      if (anchor !== undefined)
        assert.ok(anchorsOf(file).includes(anchor), `${page} links to ${target}: no such heading`)
      links++
    }
  }
  assert.ok(links > 80, `${links} links found`)
})
