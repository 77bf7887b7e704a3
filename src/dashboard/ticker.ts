/** How often pages get a new state, in ms, while something happens. */
export const FRAME_MS = 100

/** Calls `tick` every {@link FRAME_MS}, and keeps no process alive. Returns what ends it. */
export function startTicker(tick: () => void): () => void {
  const timer = setInterval(tick, FRAME_MS).unref()
  return () => clearInterval(timer)
}
