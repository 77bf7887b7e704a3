// @ts-check
/**
 * A plugin of typedoc: packages are called as they are imported, pages are where `pages.ts` says, and every member of a public class or
 * interface has a doc comment.
 */
import { Comment, Converter, KindRouter, PageEvent, ReflectionKind } from 'typedoc'

/** @param {import('typedoc').Application} app */
export function load(app) {
  /** @type {Record<string, string>} */
  const names = JSON.parse(process.env.DOCS_MODULES ?? '{}')

  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, context => {
    for (const module of context.project.getReflectionsByKind(ReflectionKind.Module)) {
      const file = context.project.getSymbolIdFromReflection(module)?.fileName ?? ''
      const name = Object.entries(names).find(([path]) => file.endsWith(path))?.[1]
      if (name !== undefined) module.name = name
      // What stands in for kafkajs has its names; kafkajs's own documentation says what they are.
      if (name !== 'rx-kafka/kafkajs') continue
      for (const one of module.children ?? [])
        if (!one.hasComment() && !one.signatures) one.comment = new Comment([{ kind: 'text', text: 'As in kafkajs.' }])
    }
  })

  app.converter.on(Converter.EVENT_RESOLVE_END, context => {
    for (const one of Object.values(context.project.reflections))
      for (const tag of one.comment?.getTags('@throws') ?? []) nameError(tag, context.project)
    const members = ReflectionKind.Property | ReflectionKind.Accessor | ReflectionKind.CallSignature
    for (const one of context.project.getReflectionsByKind(members)) {
      const owner = one.kindOf(ReflectionKind.CallSignature) ? one.parent?.parent : one.parent
      if (!owner?.kindOf(ReflectionKind.ClassOrInterface) || one.flags.isExternal) continue
      if (one.kindOf(ReflectionKind.Accessor) && 'getSignature' in one && one.getSignature?.hasComment()) continue
      if (!one.hasComment()) app.logger.warn(`${one.getFullName()} has no doc comment`)
    }
  })

  app.renderer.on(PageEvent.END, page => {
    page.contents = page.contents?.replace(/<table>[\s\S]*?<\/table>/g, labelled)
  })

  app.renderer.defineRouter(
    'pages',
    class extends KindRouter {
      /** @param {import('typedoc').Reflection} reflection */
      getIdealBaseName(reflection) {
        const slug = reflection.isDocument() ? reflection.frontmatter.slug : undefined
        return typeof slug === 'string' ? slug : super.getIdealBaseName(reflection)
      }
    },
  )
}

/**
 * On a phone the cells of a narrow table stand below each other, so each has the name of its column. A wide one scrolls in its frame.
 *
 * @param {string} table
 */
function labelled(table) {
  const labels = [...table.matchAll(/<th[^>]*>([\s\S]*?)<\/th>/g)].map(
    ([, text]) => text?.replace(/<[^>]*>/g, '') ?? '',
  )
  const rows = table.replace(/<tr>[\s\S]*?<\/tr>/g, row => {
    let column = 0
    return row.replace(/<td/g, () => `<td data-label="${labels[column++] ?? ''}"`)
  })
  return `<div class="table ${labels.length > 4 ? 'wide' : 'narrow'}">${rows}</div>`
}

/**
 * `@throws {SomeError} when …`: the name becomes a link in the sentence.
 *
 * @param {import('typedoc').CommentTag} tag
 * @param {import('typedoc').ProjectReflection} project
 */
function nameError(tag, project) {
  const name = tag.typeAnnotation?.replace(/[{}]/g, '')
  if (name === undefined) return
  tag.typeAnnotation = undefined
  const target = project.getReflectionsByKind(ReflectionKind.Class).find(one => one.name === name)
  tag.content.unshift(
    target === undefined
      ? { kind: 'code', text: `\`${name}\`` }
      : { kind: 'inline-tag', tag: '@link', text: name, target },
    { kind: 'text', text: ' ' },
  )
}
