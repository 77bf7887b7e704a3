/** What Linux tells of a process, any process: the same for every producer, whatever it is written in. */
import { readFileSync } from 'node:fs'

/** A second has so many ticks in /proc, on every kernel that Node runs on. */
const TICKS = 100

/** Whether this system has what the benchmarks of other processes need. */
export function requireProc(): void {
  if (process.platform !== 'linux') throw new Error('this benchmark reads /proc, so it runs on Linux only')
}

/** User and system time of all threads, those that have ended too. In steps of 10 ms. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The second field is the program's name, which may hold anything. Fields 14 and 15 are the times.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}

export interface Memory {
  /** Resident bytes now, and at their peak. */
  readonly rss: number
  readonly peakRss: number
}

export function memory(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const bytes = (name: string): number => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)![1])
  return { rss: bytes('VmRSS'), peakRss: bytes('VmHWM') }
}
