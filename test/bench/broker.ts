/** The counting broker in another process, from the side of whoever measures. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Counts } from './counting-broker.js'
import type { Memory } from './proc.js'

export interface BrokerOptions {
  /** Brokers of the cluster: each listens on a port of its own, in the same process. */
  readonly nodes: number
  /** Of every topic; the leader of partition i is node i modulo nodes. */
  readonly partitions: number
  /** A produce request is answered so many ms after its last byte came. Delays of several requests overlap. */
  readonly replyDelayMs: number
  /** With the certificate of test/support. */
  readonly tls: boolean
}

/** What became of a process and its records, between two counts. Memory is that at the end. */
export interface Watched extends Memory {
  readonly records: number
  readonly seconds: number
  /** User and system time of the process. */
  readonly cpuSeconds: number
  /** The same of the broker: it is the limit only where this comes near to `seconds`. */
  readonly brokerCpuSeconds: number
  /** From here on NaN where brokers do not tell. */
  readonly requests: number
  readonly batches: number
  readonly meanBatchBytes: number
  readonly maxInFlight: number
  readonly meanInFlight: number
}

export type ToBroker =
  | { readonly id: number; readonly kind: 'status' | 'reset' }
  | {
      readonly id: number
      readonly kind: 'watch'
      readonly pid: number
      readonly from: number
      readonly records: number
    }

export type FromBroker =
  | { readonly ports: readonly number[] }
  | { readonly id: number; readonly result: Counts | Watched }

export interface Broker {
  /** `host:port` of each node. */
  readonly addresses: readonly string[]
  /** What has been counted since the last reset. */
  status(): Promise<Counts>
  /** Counts from 0 on. */
  reset(): Promise<Counts>
  /**
   * Measures the process `pid` from the moment when `from` records are counted to when there are `records` more. Rejects
   * when the broker ends before.
   */
  watch(pid: number, from: number, records: number): Promise<Watched>
  stop(): Promise<void>
}

export async function startBroker(options: Partial<BrokerOptions> = {}): Promise<Broker> {
  const all: BrokerOptions = { nodes: 1, partitions: 3, replyDelayMs: 0, tls: false, ...options }
  const child = fork(new URL('./broker-process.js', import.meta.url), [JSON.stringify(all)])
  const ended = once(child, 'exit')
  const ports = await firstMessage(child)
  const waiting = new Map<number, PromiseWithResolvers>()
  child.on('message', (message: FromBroker) => {
    if (!('id' in message)) return
    waiting.get(message.id)?.resolve(message.result)
    waiting.delete(message.id)
  })
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the broker has ended'))
  })
  let last = 0
  const ask = (message: object): Promise<never> =>
    new Promise((resolve, reject) => {
      const id = ++last
      waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      child.send({ id, ...message })
    })
  return {
    addresses: ports.map(port => `127.0.0.1:${port}`),
    status: () => ask({ kind: 'status' }),
    reset: () => ask({ kind: 'reset' }),
    watch: (pid, from, records) => ask({ kind: 'watch', pid, from, records }),
    stop: async () => {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

interface PromiseWithResolvers {
  resolve(value: unknown): void
  reject(error: Error): void
}

async function firstMessage(child: ChildProcess): Promise<readonly number[]> {
  const ready = once(child, 'message') as Promise<[{ ports: readonly number[] }]>
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the broker ended with ${code} before it was ready`)
  })
  const [{ ports }] = await Promise.race([ready, ended])
  return ports
}
