/** Headings, sections and links of Markdown. Code blocks are left alone. */

/** Text outside and code blocks inside, in order. */
function piecesOf(text: string): readonly { readonly code: boolean; readonly text: string }[] {
  const pieces: { code: boolean; text: string }[] = []
  let from = 0
  for (const block of text.matchAll(/^( *)```[^\n]*\n[\s\S]*?^\1```$/gm)) {
    pieces.push({ code: false, text: text.slice(from, block.index) }, { code: true, text: block[0] })
    from = block.index + block[0].length
  }
  return [...pieces, { code: false, text: text.slice(from) }]
}

/** Changes what is not code. */
export const prose = (text: string, change: (text: string) => string): string =>
  piecesOf(text)
    .map(piece => (piece.code ? piece.text : change(piece.text)))
    .join('')

/** The anchor of a heading, as GitHub makes it. */
export const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

export interface Heading {
  readonly level: number
  readonly text: string
  readonly index: number
}

export function headingsOf(text: string): readonly Heading[] {
  const headings: Heading[] = []
  let offset = 0
  for (const piece of piecesOf(text)) {
    if (!piece.code)
      for (const found of piece.text.matchAll(/^(#+) (.*)$/gm))
        headings.push({ level: found[1]!.length, text: found[2]!, index: offset + found.index })
    offset += piece.text.length
  }
  return headings
}

/**
 * A section without its heading, and its subsections one level below a title.
 *
 * @throws {Error} when there is no such section.
 */
export function sectionOf(text: string, name: string, without: readonly string[] = []): string {
  const { body, level } = bodyOf(text, name)
  let rest = body
  for (const one of without) {
    const { from, to } = bodyOf(rest, one)
    rest = rest.slice(0, from) + rest.slice(to)
  }
  return prose(rest, part => part.replace(/^#+(?= )/gm, marks => '#'.repeat(marks.length - level + 1)))
}

function bodyOf(
  text: string,
  name: string,
): { readonly body: string; readonly level: number; readonly from: number; readonly to: number } {
  const headings = headingsOf(text)
  const at = headings.findIndex(heading => heading.text === name)
  const own = headings[at]
  if (own === undefined) throw new Error(`there is no section '${name}'`)
  const to = headings.slice(at + 1).find(({ level }) => level <= own.level)?.index ?? text.length
  const body = text.slice(own.index + own.level + 1 + name.length, to)
  return { body, level: own.level, from: own.index, to }
}
