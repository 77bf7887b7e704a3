import { Worker } from 'node:worker_threads'

/** Starts a thread with a file of TypeScript, on every version of Node. A compiled program needs `new Worker(url, { workerData })` alone. */
export function startWorker(url: string, workerData: unknown): Worker {
  const start = `import('tsx/esm/api').then(({ register }) => (register(), import(${JSON.stringify(url)})))`
  return new Worker(start, { eval: true, workerData })
}
