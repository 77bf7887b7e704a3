import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, posix } from 'node:path'
import { anchorOf, headingsOf, prose, sectionOf } from './markdown.js'
import { type Group, groupsOf, HOME, type Page, type Part } from './pages.js'

interface Written {
  readonly slug: string
  readonly title: string
  readonly children: readonly string[]
  readonly text: string
}

export interface Assembled {
  /** Pages that are not part of a group, and groups, in order: paths of files. */
  readonly documents: readonly string[]
  readonly home: string
}

const isGroup = (one: Group | Page): one is Group => 'pages' in one

/**
 * Writes every page of the site as Markdown into a folder, with its links resolved: to other pages, to the repository, or to nothing where
 * the repository has no address.
 *
 * @throws {Error} when a page names a section that there is not, or links to a heading that there is not.
 */
export function assemble(
  root: string,
  folder: string,
  examples: Readonly<Record<string, string>>,
  repository: string | undefined,
): Assembled {
  const exists = ({ parts }: Page): boolean => existsSync(join(root, parts.at(-1)!.file))
  const groups = groupsOf(examples)
    .map((one): Group | Page => (isGroup(one) ? { ...one, pages: one.pages.filter(exists) } : one))
    .filter(one => (isGroup(one) ? one.pages.length > 0 : exists(one)))
  const pages = [HOME, ...groups.flatMap(one => (isGroup(one) ? one.pages : [one]))]
  const places = new Places(root, pages)

  const written: Written[] = []
  for (const [i, one] of pages.entries()) {
    const [before, after] = [pages[i - 1], pages[i + 1]]
    const body = one.parts.map(part => places.resolve(textOf(root, part), part.file, one.slug, repository)).join('\n\n')
    const link = (to: Page, text: string): string => `<a href="./${relative(one.slug, to.slug)}.md">${text}</a>`
    const around = [before && link(before, `← ${before.title}`), after && link(after, `${after.title} →`)]
    const text = `# ${one.title}\n\n${body.trim()}\n\n<nav class="around">${around.map(part => part ?? '<span></span>').join('')}</nav>\n`
    written.push({ slug: one.slug, title: one.title, children: [], text })
  }
  for (const group of groups.filter(isGroup)) {
    const list = group.pages.map(({ slug, title, about }) => `- [${title}](${relative(group.slug, slug)}.md): ${about}`)
    const text = `# ${group.title}\n\n${group.about}\n\n${list.join('\n')}\n`
    const children = group.pages.map(({ slug }) => `./${relative(group.slug, slug)}.md`)
    written.push({ slug: group.slug, title: group.title, children, text })
  }

  rmSync(folder, { recursive: true, force: true })
  for (const { slug, title, children, text } of written) {
    const file = join(folder, `${slug}.md`)
    mkdirSync(dirname(file), { recursive: true })
    const head = Object.entries({ title, slug, children }).map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
    writeFileSync(file, slug === HOME.slug ? text : `---\n${head.join('')}---\n${text}`)
  }
  for (const image of places.images) copyFileSync(join(root, image), join(folder, basename(image)))
  return {
    documents: groups.map(({ slug }) => join(folder, `${slug}.md`)),
    home: join(folder, `${HOME.slug}.md`),
  }
}

function textOf(root: string, { file, section, without }: Part): string {
  const text = readFileSync(join(root, file), 'utf8')
  if (file.endsWith('.ts')) return `\`\`\`ts\n${text.trim()}\n\`\`\``
  const body = section === undefined ? text.replace(/^# .*\n/, '') : sectionOf(text, section, without)
  // What the tests of the blocks are told.
  return prose(body, part => part.replace(/^<!--.*?-->\n/gms, ''))
}

const relative = (from: string, to: string): string => posix.relative(posix.dirname(from), to)

/** Where each heading of the repository's pages stands on the site. */
class Places {
  readonly images = new Set<string>()
  readonly #root: string
  /** By `file` and `file#anchor`: `slug` or `slug#anchor`. */
  readonly #places = new Map<string, string>()

  constructor(root: string, pages: readonly Page[]) {
    this.#root = root
    for (const { slug, parts } of pages) {
      for (const { file, section, without = [] } of parts) {
        if (section === undefined) this.#places.set(file, slug)
        else this.#places.set(`${file}#${anchorOf(section)}`, slug)
        if (!file.endsWith('.md')) continue
        const text = readFileSync(join(root, file), 'utf8')
        const body = section === undefined ? text : sectionOf(text, section, without)
        for (const { level, text } of headingsOf(body))
          this.#places.set(`${file}#${anchorOf(text)}`, level === 1 ? slug : `${slug}#${anchorOf(text)}`)
      }
    }
    this.#places.set('README.md', HOME.slug)
    // Sections of the README that the site says in its own words.
    for (const [anchor, slug] of Object.entries({
      'use-it': 'start',
      examples: 'examples',
      opentelemetry: 'operations/opentelemetry',
    }))
      this.#places.set(`README.md#${anchor}`, slug)
  }

  resolve(text: string, file: string, slug: string, repository: string | undefined): string {
    const inText = (part: string): string =>
      part
        .replace(/(!?)\[((?:[^[\]]|\[[^\]]*\])*)\]\((?!https?:|mailto:)([^)\s]+)\)/g, (_, image, label, target) => {
          if (image !== '') return `![${label}](${this.#image(file, target, slug)})`
          const to = this.#linkTo(file, target, slug, repository)
          return to === undefined ? label : `[${label}](${to})`
        })
        .replace(
          /(src|srcset)="(?!https?:)([^"]+)"/g,
          (_, name, target) => `${name}="${this.#image(file, target, slug)}"`,
        )
    return prose(text, inText)
  }

  #image(file: string, target: string, slug: string): string {
    const path = posix.join(posix.dirname(file), target)
    this.images.add(path)
    return relative(slug, basename(path))
  }

  #linkTo(file: string, target: string, slug: string, repository: string | undefined): string | undefined {
    const [path = '', anchor] = target.split('#')
    const source = path === '' ? file : posix.join(posix.dirname(file), path)
    const place = this.#places.get(anchor === undefined ? source : `${source}#${anchor}`)
    if (place !== undefined) {
      const [page, inPage] = place.split('#') as [string, string | undefined]
      const link = page === slug ? '' : `${relative(slug, page)}.md`
      return inPage === undefined ? link || '#' : `${link}#${inPage}`
    }
    if (!existsSync(join(this.#root, source))) throw new Error(`${file} links to ${target}, which does not exist`)
    return repository && `${repository}/blob/main/${source}${anchor === undefined ? '' : `#${anchor}`}`
  }
}
