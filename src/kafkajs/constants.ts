import type * as kafkajs from 'kafkajs'

/* The numbers that kafkajs exports under names. Kafka's protocol fixes them; a test compares them with kafkajs's. */

/** How much is logged: a level, and what is more important. */
export const logLevel: typeof kafkajs.logLevel = { NOTHING: 0, ERROR: 1, WARN: 2, INFO: 4, DEBUG: 5 } as never
export type logLevel = kafkajs.logLevel

/** What `compression` of a send may be. */
export const CompressionTypes: typeof kafkajs.CompressionTypes = {
  None: 0,
  GZIP: 1,
  Snappy: 2,
  LZ4: 3,
  ZSTD: 4,
} as never
export type CompressionTypes = kafkajs.CompressionTypes

export const ConfigResourceTypes: typeof kafkajs.ConfigResourceTypes = {
  UNKNOWN: 0,
  TOPIC: 2,
  BROKER: 4,
  BROKER_LOGGER: 8,
} as never
export type ConfigResourceTypes = kafkajs.ConfigResourceTypes

export const ConfigSource: typeof kafkajs.ConfigSource = {
  UNKNOWN: 0,
  TOPIC_CONFIG: 1,
  DYNAMIC_BROKER_CONFIG: 2,
  DYNAMIC_DEFAULT_BROKER_CONFIG: 3,
  STATIC_BROKER_CONFIG: 4,
  DEFAULT_CONFIG: 5,
  DYNAMIC_BROKER_LOGGER_CONFIG: 6,
} as never
export type ConfigSource = kafkajs.ConfigSource

export const AclResourceTypes: typeof kafkajs.AclResourceTypes = {
  UNKNOWN: 0,
  ANY: 1,
  TOPIC: 2,
  GROUP: 3,
  CLUSTER: 4,
  TRANSACTIONAL_ID: 5,
  DELEGATION_TOKEN: 6,
} as never
export type AclResourceTypes = kafkajs.AclResourceTypes

export const AclOperationTypes: typeof kafkajs.AclOperationTypes = {
  UNKNOWN: 0,
  ANY: 1,
  ALL: 2,
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  CLUSTER_ACTION: 9,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
  IDEMPOTENT_WRITE: 12,
} as never
export type AclOperationTypes = kafkajs.AclOperationTypes

export const AclPermissionTypes: typeof kafkajs.AclPermissionTypes = { UNKNOWN: 0, ANY: 1, DENY: 2, ALLOW: 3 } as never
export type AclPermissionTypes = kafkajs.AclPermissionTypes

export const ResourcePatternTypes: typeof kafkajs.ResourcePatternTypes = {
  UNKNOWN: 0,
  ANY: 1,
  MATCH: 2,
  LITERAL: 3,
  PREFIXED: 4,
} as never
export type ResourcePatternTypes = kafkajs.ResourcePatternTypes
