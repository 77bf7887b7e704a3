import { values, without } from '../shrink.js'
import type { TransactionSchedule } from './schedule.js'

/** Simpler schedules, those that take most away first. */
export function* candidates(schedule: TransactionSchedule): Generator<TransactionSchedule> {
  const { steps, instances, producer, cluster } = schedule
  for (const left of without(steps)) yield { ...schedule, steps: left }
  for (const left of without(instances)) yield { ...schedule, instances: left }
  for (const [i, instance] of instances.entries()) {
    for (const works of without(instance.works)) {
      yield { ...schedule, instances: instances.with(i, { ...instance, works }) }
    }
  }
  for (const name of Object.keys(producer)) {
    const { [name as keyof typeof producer]: _, ...left } = producer
    yield { ...schedule, producer: left }
  }
  for (const [i, instance] of instances.entries()) {
    for (const [j, work] of instance.works.entries()) {
      if (work.kind === 'imperative') {
        for (const bursts of without(work.bursts)) yield withWork(schedule, i, j, { ...work, bursts })
      } else {
        for (const left of without(work.values)) yield withWork(schedule, i, j, { ...work, values: left })
      }
    }
  }
  for (const one of values(cluster))
    yield { ...schedule, cluster: { ...one, transactionVersion: cluster.transactionVersion } }
  for (const one of values(producer)) yield { ...schedule, producer: one }
  for (const [i, step] of steps.entries()) {
    for (const one of values(step)) yield { ...schedule, steps: steps.with(i, one) }
  }
  for (const [i, instance] of instances.entries()) {
    for (const one of values(instance)) yield { ...schedule, instances: instances.with(i, one) }
  }
}

function withWork(
  schedule: TransactionSchedule,
  i: number,
  j: number,
  work: TransactionSchedule['instances'][number]['works'][number],
): TransactionSchedule {
  const instance = schedule.instances[i]!
  return { ...schedule, instances: schedule.instances.with(i, { ...instance, works: instance.works.with(j, work) }) }
}
