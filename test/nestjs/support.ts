import type { TestContext } from 'node:test'
import { Controller, Get, type INestApplicationContext, Inject, Module, type ModuleMetadata } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus'
import { type ReadinessOptions, RxKafkaHealthIndicator } from '../../src/nestjs/index.js'

/** What Nest logs, a line each. */
export class Lines {
  readonly lines: string[] = []

  log(message: unknown, ...rest: unknown[]): void {
    this.#add('log', message, rest)
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#add('warn', message, rest)
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#add('error', message, rest)
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#add('debug', message, rest)
  }

  /** The context comes last. */
  #add(level: string, message: unknown, rest: readonly unknown[]): void {
    this.lines.push(`${level} [${rest.at(-1)}] ${message}`)
  }
}

/** Decorators as functions: the compiler options of these tests are the library's own. */
export function moduleWith(metadata: ModuleMetadata): new () => object {
  class Root {}
  Module(metadata)(Root)
  return Root
}

export function createContext(metadata: ModuleMetadata, logger: Lines = new Lines()): Promise<INestApplicationContext> {
  // Errors are thrown, as in a test; by default Nest ends the process.
  return NestFactory.createApplicationContext(moduleWith(metadata), { logger, abortOnError: false })
}

interface Probe {
  readonly code: number
  readonly status: string
  readonly message: string | undefined
}

/** Serves the probes of a real application over HTTP, until the test ends. */
export async function serveProbes(
  t: TestContext,
  imports: NonNullable<ModuleMetadata['imports']>,
  options: ReadinessOptions = {},
): Promise<{ app: INestApplicationContext; probe(path: 'live' | 'ready'): Promise<Probe> }> {
  class Health {
    readonly checks: HealthCheckService
    readonly kafka: RxKafkaHealthIndicator

    constructor(checks: HealthCheckService, kafka: RxKafkaHealthIndicator) {
      this.checks = checks
      this.kafka = kafka
    }

    live(): unknown {
      return this.checks.check([() => this.kafka.isLive('kafka', options)])
    }

    ready(): unknown {
      return this.checks.check([() => this.kafka.isReady('kafka', options)])
    }
  }
  Controller('health')(Health)
  Inject(HealthCheckService)(Health, undefined, 0)
  Inject(RxKafkaHealthIndicator)(Health, undefined, 1)
  for (const path of ['live', 'ready'] as const) {
    const descriptor = Object.getOwnPropertyDescriptor(Health.prototype, path)!
    Get(path)(Health.prototype, path, descriptor)
    HealthCheck()(Health.prototype, path, descriptor)
  }
  const root = moduleWith({ imports: [...imports, TerminusModule], controllers: [Health] })
  const app = await NestFactory.create(root, { logger: new Lines(), abortOnError: false })
  t.after(() => app.close())
  await app.listen(0, '127.0.0.1')
  const url = await app.getUrl()
  return {
    app,
    probe: async path => {
      const response = await fetch(`${url}/health/${path}`)
      const { details } = (await response.json()) as { details: { kafka: { status: string; message?: string } } }
      return { code: response.status, status: details.kafka.status, message: details.kafka.message }
    },
  }
}
