import type { SettledBatch } from '../model/settled-batch.js'

/** Delivers the acks of a settled batch to the streams that its records came from, in order. */
export function deliver({ batch, outcome }: SettledBatch): void {
  batch.settle(outcome)
  batch.release()
}
