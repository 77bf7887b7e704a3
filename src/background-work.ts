/** Jobs in libuv's threads. They take real time, so virtual time stands still until they are done. */
const jobs = new Set<Promise<unknown>>()

/** Counts a job until it is settled, and returns it. */
export function backgroundWork<T>(job: Promise<T>): Promise<T> {
  jobs.add(job)
  const done = (): void => void jobs.delete(job)
  job.then(done, done)
  return job
}

/** Resolves when no job is left. */
export async function backgroundWorkDone(): Promise<void> {
  while (jobs.size > 0) await Promise.allSettled(jobs)
}
