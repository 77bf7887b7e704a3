import {
  concat,
  defer,
  EMPTY,
  from,
  ignoreElements,
  interval,
  mergeMap,
  type Observable,
  ReplaySubject,
  repeat,
  Subscription,
  timer,
} from 'rxjs'
import { createProducer, type Producer } from '../../index.js'
import { startCluster, type TestCluster } from '../../testing/index.js'
import type { DashboardAction, DashboardNote } from '../action.js'
import { type Dashboard, serveDashboard } from '../serve-dashboard.js'
import { Audit } from './audit.js'
import { NODES, PARTITIONS, partitions, STEPS, TOPIC } from './steps.js'

export interface DemoOptions {
  readonly port?: number
  readonly host?: string
  /** Whether the story is told from the start, again and again; else nothing happens before a button is pressed. Default true. */
  readonly story?: boolean
  /** Response time of the brokers: so slow that one can look on. Default 1500. */
  readonly replyDelayMs?: number
}

const STEADY: DashboardNote = {
  title: 'Steady',
  text: 'Four requests are in flight to each broker at a time. In each row the sequences continue from right to left, so a broker notices a batch that is missing, or that it already has.',
  rule: 2,
}

/** Records for each partition at a time. */
const RECORDS = 5

/** Bursts of records per response time: enough to keep the four slots in use, and few enough that records seldom wait. */
const TIMES = 4.5

/** A producer and three brokers in this process, in slow motion, and a page that shows them. */
export class Demo implements AsyncDisposable {
  readonly cluster: TestCluster
  readonly producer: Producer
  readonly dashboard: Dashboard
  readonly #audit: Audit
  readonly #life: Subscription

  private constructor(
    cluster: TestCluster,
    producer: Producer,
    dashboard: Dashboard,
    audit: Audit,
    life: Subscription,
  ) {
    this.cluster = cluster
    this.producer = producer
    this.dashboard = dashboard
    this.#audit = audit
    this.#life = life
  }

  static async start({ story = true, replyDelayMs = 1_500, ...listen }: DemoOptions = {}): Promise<Demo> {
    const topics = { [TOPIC]: { partitions: PARTITIONS } }
    const cluster = await startCluster({ nodes: NODES, replyDelayMs, topics, trace: false })
    const producer = createProducer({
      brokers: cluster.brokers,
      clientId: 'demo',
      batchSize: 2_000,
      retryBackoffMs: replyDelayMs / 2,
      retryBackoffMaxMs: replyDelayMs,
      requestTimeoutMs: replyDelayMs * 20,
    })
    const life = new Subscription()
    const notes$ = new ReplaySubject<DashboardNote>(1)
    const audit = new Audit()
    try {
      const told = new Story(cluster, audit, note => notes$.next(note))
      life.add(() => told.stop())
      const dashboard = await serveDashboard(producer, { ...listen, actions: told.actions(), notes$ })
      life.add(
        interval(replyDelayMs / TIMES)
          .pipe(
            mergeMap(() =>
              from(partitions().flatMap(partition => Array.from({ length: RECORDS }, () => audit.next(partition)))),
            ),
            producer.send<number>(),
          )
          .subscribe({ next: ack => audit.acked(ack), error: () => {} }),
      )
      life.add(interval(1_000).subscribe(() => audit.check(cluster)))
      notes$.next(STEADY)
      if (story) told.tell()
      return new Demo(cluster, producer, dashboard, audit, life)
    } catch (error) {
      await producer.close({ timeoutMs: 0 })
      await cluster.stop()
      throw error
    }
  }

  /** Compares what the brokers hold with what was sent, and says in a sentence how that is. */
  check(): string {
    return this.#audit.check(this.cluster)
  }

  async close(): Promise<void> {
    this.#life.unsubscribe()
    await this.producer.close({ timeoutMs: 5_000 })
    await this.dashboard.close()
    await this.cluster.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Tells the steps one after the other, until somebody presses a button. */
class Story {
  readonly #cluster: TestCluster
  readonly #audit: Audit
  readonly #tell: (note: DashboardNote) => void
  #telling = Subscription.EMPTY

  constructor(cluster: TestCluster, audit: Audit, tell: (note: DashboardNote) => void) {
    this.#cluster = cluster
    this.#audit = audit
    this.#tell = tell
  }

  actions(): DashboardAction[] {
    const steps = STEPS.map(step => ({
      label: step.label,
      help: step.help,
      run: () => {
        this.stop()
        return step.run(this.#cluster, this.#tell)
      },
    }))
    const check = { label: 'Check the logs', help: 'Reads back what the brokers hold.', run: () => this.#check() }
    return [
      ...steps,
      check,
      { label: 'Tell the story', help: 'All of these, one after the other.', run: () => this.tell() },
    ]
  }

  tell(): void {
    this.stop()
    const say = (note: DashboardNote, ms: number): Observable<never> => pause(() => this.#tell(note), ms)
    const steps = STEPS.map(step => pause(() => step.run(this.#cluster, this.#tell), step.ms))
    const told$ = concat(
      say(STEADY, 6_000),
      ...steps,
      pause(() => this.#check(), 6_000),
    )
    this.#telling = told$.pipe(repeat()).subscribe()
  }

  stop(): void {
    this.#telling.unsubscribe()
  }

  #check(): void {
    this.#tell({ title: 'Checked', text: this.#audit.check(this.#cluster) })
  }
}

/** Does something, waits for it, and then for some time. */
function pause(act: () => void | Promise<void>, ms: number): Observable<never> {
  return concat(
    defer(() => act() ?? EMPTY),
    timer(ms),
  ).pipe(ignoreElements())
}
