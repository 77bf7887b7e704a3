import { lastValueFrom, Subject, tap } from 'rxjs'
import type { Producer } from '../../index.js'
import { InputError } from '../errors.js'
import type { Block } from '../input/block.js'
import type { InputRecord } from '../parse/record.js'
import { type Bookmark, bookmarkAfter } from './bookmark.js'
import { Broken } from './broken.js'
import { BURST, type SendObserver } from './send-blocks.js'

/** Blocks that are read while one is being committed. */
const AHEAD = 2

/** What an import is told beside {@link SendObserver}. */
export interface ImportObserver extends Omit<SendObserver, 'failed'> {
  /** Lines of the file that are read. */
  readonly lines: number
  /** Whether a line that failed has ended the reading. */
  readonly ended: boolean
}

/**
 * Sends the records of blocks, a transaction a block, which stores how far the file is imported as well: so an import that is ended at any
 * moment, and begun again, has every line once, in order.
 *
 * Resolves when every block is committed. Rejects with the reason why one was not; those before it are committed.
 *
 * @param begun where the import goes on; undefined: at the beginning.
 */
export async function importBlocks(
  producer: Pick<Producer, 'transactionally'>,
  blocks: AsyncIterator<Block>,
  observer: ImportObserver,
  begun: Bookmark | undefined,
): Promise<void> {
  const read$ = new Subject<Block>()
  const broken = new Broken()
  const lasts = new Map<Block, InputRecord | undefined>()
  let bookmark = begun
  let next = begun?.offset ?? 0
  let committed = (): void => {}
  let open = 0
  const imported$ = read$.pipe(
    producer.transactionally((block, transaction) => recordsOf(block, position => transaction.setPosition(position))),
    tap(({ value: block, count: acked }) => {
      observer.delivered({ acked, bytes: block.bytes.length, last: lasts.get(block), error: undefined })
      lasts.delete(block)
      block.release()
      open--
      committed()
    }),
  )
  const imported = lastValueFrom(imported$, { defaultValue: undefined })
  imported.catch(error => broken.by(error))

  function* recordsOf(block: Block, setPosition: (position: string) => void): Generator<InputRecord> {
    if (block.offset !== next) throw new InputError(`${block.input} was replaced by another file`)
    next = block.end
    observer.enter(block)
    let last: InputRecord | undefined
    for (let records = observer.take(BURST); records.length > 0; records = observer.take(BURST)) {
      last = records.at(-1)
      yield* records
    }
    lasts.set(block, last)
    if (observer.ended) throw new InputError('a line failed: nothing of its block is committed (--strict)')
    // Before the first record there is no topic beside which a position could be stored.
    if (bookmark === undefined && last === undefined) return
    bookmark = bookmarkAfter(block.bytes, block.offset, observer.lines, bookmark)
    setPosition(JSON.stringify(bookmark))
  }

  try {
    for (;;) {
      const { done, value: block } = await broken.or(blocks.next())
      if (done) break
      open++
      read$.next(block)
      while (open > AHEAD) await broken.or(new Promise<void>(resolve => (committed = resolve)))
    }
  } finally {
    read$.complete()
    await imported.catch(() => {})
  }
  broken.check()
}
