import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { KafkaCluster } from './kafka-cluster.js'

const SOURCE = fileURLToPath(new URL('JavaProducer.java', import.meta.url))

/** `JavaProducer.java`, compiled into a folder of its own that goes when it is disposed of. */
export class JavaProducer implements Disposable {
  readonly #classes = mkdtempSync(join(tmpdir(), 'rx-kafka-java-'))
  readonly #classPath: string

  constructor({ classPath }: KafkaCluster) {
    this.#classPath = classPath
    execFileSync('javac', ['-cp', classPath, '-d', this.#classes, SOURCE])
  }

  /** The arguments of `java` that run it. */
  arguments(brokers: readonly string[], topic: string, compression: string): string[] {
    return ['-cp', `${this.#classes}:${this.#classPath}`, 'JavaProducer', brokers.join(), topic, compression]
  }

  [Symbol.dispose](): void {
    rmSync(this.#classes, { recursive: true, force: true })
  }
}
