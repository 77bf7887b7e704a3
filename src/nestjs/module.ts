import {
  type DynamicModule,
  type InjectionToken,
  Module,
  type ModuleMetadata,
  type OnApplicationShutdown,
  type OptionalFactoryDependency,
  type Provider,
  type Type,
} from '@nestjs/common'
import { InvalidArgumentError } from '../index.js'
import { RxKafkaHealthIndicator } from './health-indicator.js'
import {
  createOwnedProducer,
  type OwnedProducer,
  type RxKafkaOptionsFactory,
  type RxKafkaProducerOptions,
} from './options.js'
import { getProducerToken } from './tokens.js'

/** The options of a producer, and its name. */
export interface RxKafkaModuleOptions extends RxKafkaProducerOptions {
  /** Where there are several producers: the name that `@InjectProducer(name)` takes. Default: the one without a name. */
  readonly name?: string
}

/** Where the options of a producer come from: exactly one of `useFactory`, `useClass` and `useExisting`. */
export interface RxKafkaModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  /** As in {@link RxKafkaModuleOptions}. It is not part of what the factory returns. */
  readonly name?: string
  /** What `useFactory` is called with. */
  readonly inject?: (InjectionToken | OptionalFactoryDependency)[]
  /** Returns the options, or a promise of them. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever `inject` names, as in Nest's own FactoryProvider.
  readonly useFactory?: (...args: any[]) => RxKafkaProducerOptions | Promise<RxKafkaProducerOptions>
  /** Created for this module alone. */
  readonly useClass?: Type<RxKafkaOptionsFactory>
  /** A provider of one of the `imports`. */
  readonly useExisting?: InjectionToken<RxKafkaOptionsFactory>
}

/** Closes its producer after the HTTP server and every other module's hooks: until then they may send. */
class Shutdown implements OnApplicationShutdown {
  readonly #owned: OwnedProducer

  constructor(owned: OwnedProducer) {
    this.#owned = owned
  }

  onApplicationShutdown(): Promise<void> {
    return this.#owned.close()
  }
}

/**
 * Makes a producer injectable everywhere in the application. The producer connects with its first record, or by `connect()`. When the
 * application shuts down, by `app.close()` or a signal after `app.enableShutdownHooks()`, it is closed last, and delivers what it accepted.
 *
 * @see InjectProducer
 * @see RxKafkaHealthIndicator
 */
// biome-ignore lint/complexity/noStaticOnlyClass: Nest's modules are classes.
export class RxKafkaModule {
  /**
   * Adds a producer. Call it once for each `name`.
   *
   * @throws {InvalidArgumentError} when the application is created, if an option is unknown, out of range or contradicts another one.
   *
   * @example imports: [RxKafkaModule.forRoot({ brokers: ['localhost:9092'] })]
   */
  static forRoot({ name, ...options }: RxKafkaModuleOptions): DynamicModule {
    return moduleOf(name, [], { provide: tokens(name).options, useValue: options })
  }

  /**
   * As {@link forRoot}, with options that come from other providers.
   *
   * @throws {InvalidArgumentError} if there is not exactly one of `useFactory`, `useClass` and `useExisting`.
   *
   * @example
   * imports: [
   *   RxKafkaModule.forRootAsync({
   *     inject: [ConfigService],
   *     useFactory: (config: ConfigService) => ({ brokers: config.getOrThrow('KAFKA_BROKERS').split(',') }),
   *   }),
   * ]
   */
  static forRootAsync(options: RxKafkaModuleAsyncOptions): DynamicModule {
    const { name, imports = [], inject = [], useFactory, useClass, useExisting } = options
    const given = [useFactory, useClass, useExisting].filter(one => one !== undefined)
    if (given.length !== 1)
      throw new InvalidArgumentError(
        `RxKafkaModule.forRootAsync() takes one of \`useFactory\`, \`useClass\` and \`useExisting\`, but it was given ${given.length} of them`,
      )
    const provide = tokens(name).options
    if (useFactory !== undefined) return moduleOf(name, imports, { provide, useFactory, inject })
    const create = (factory: RxKafkaOptionsFactory): ReturnType<RxKafkaOptionsFactory['createRxKafkaOptions']> =>
      factory.createRxKafkaOptions()
    if (useExisting !== undefined)
      return moduleOf(name, imports, { provide, useFactory: create, inject: [useExisting] })
    return moduleOf(name, imports, { provide, useFactory: create, inject: [useClass!] }, useClass!)
  }
}
Module({})(RxKafkaModule)

function tokens(name: string | undefined): Readonly<Record<'options' | 'owned' | 'producer' | 'shutdown', string>> {
  const producer = getProducerToken(name)
  return { options: `${producer}:options`, owned: `${producer}:owned`, producer, shutdown: `${producer}:shutdown` }
}

function moduleOf(
  name: string | undefined,
  imports: NonNullable<ModuleMetadata['imports']>,
  ...optionsProviders: Provider[]
): DynamicModule {
  const { options, owned, producer, shutdown } = tokens(name)
  const context = name === undefined ? 'RxKafka' : `RxKafka:${name}`
  return {
    module: RxKafkaModule,
    // So that Nest shuts it down after all modules that use it.
    global: true,
    imports,
    providers: [
      ...optionsProviders,
      {
        provide: owned,
        useFactory: (given: RxKafkaProducerOptions) => createOwnedProducer(given, context),
        inject: [options],
      },
      { provide: producer, useFactory: (given: OwnedProducer) => given.producer, inject: [owned] },
      { provide: shutdown, useFactory: (given: OwnedProducer) => new Shutdown(given), inject: [owned] },
      RxKafkaHealthIndicator,
    ],
    exports: [producer, RxKafkaHealthIndicator],
  }
}
