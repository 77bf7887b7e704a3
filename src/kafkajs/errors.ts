import type * as kafkajs from 'kafkajs'
import { loadIfInstalled } from '../load-package.js'
import * as own from './own-errors.js'

/** The error classes by their names, with kafkajs's types where it declares them. */
type Errors = Omit<typeof own, keyof typeof kafkajs> & Pick<typeof kafkajs, keyof typeof own & keyof typeof kafkajs>

/**
 * Where kafkajs is installed, its own classes: then `instanceof` holds in files that still import kafkajs, and for what its consumer throws.
 * This file of kafkajs needs no other, so it costs a millisecond. Without kafkajs, classes of the same shape.
 */
const classes = (loadIfInstalled('kafkajs/src/errors') ?? own) as Errors

export const KafkaJSAggregateError: Errors['KafkaJSAggregateError'] = classes.KafkaJSAggregateError
export type KafkaJSAggregateError = InstanceType<Errors['KafkaJSAggregateError']>
export const KafkaJSAlterPartitionReassignmentsError: Errors['KafkaJSAlterPartitionReassignmentsError'] =
  classes.KafkaJSAlterPartitionReassignmentsError
export type KafkaJSAlterPartitionReassignmentsError = InstanceType<Errors['KafkaJSAlterPartitionReassignmentsError']>
export const KafkaJSBrokerNotFound: Errors['KafkaJSBrokerNotFound'] = classes.KafkaJSBrokerNotFound
export type KafkaJSBrokerNotFound = InstanceType<Errors['KafkaJSBrokerNotFound']>
export const KafkaJSConnectionClosedError: Errors['KafkaJSConnectionClosedError'] = classes.KafkaJSConnectionClosedError
export type KafkaJSConnectionClosedError = InstanceType<Errors['KafkaJSConnectionClosedError']>
export const KafkaJSConnectionError: Errors['KafkaJSConnectionError'] = classes.KafkaJSConnectionError
export type KafkaJSConnectionError = InstanceType<Errors['KafkaJSConnectionError']>
export const KafkaJSCreateTopicError: Errors['KafkaJSCreateTopicError'] = classes.KafkaJSCreateTopicError
export type KafkaJSCreateTopicError = InstanceType<Errors['KafkaJSCreateTopicError']>
export const KafkaJSDeleteGroupsError: Errors['KafkaJSDeleteGroupsError'] = classes.KafkaJSDeleteGroupsError
export type KafkaJSDeleteGroupsError = InstanceType<Errors['KafkaJSDeleteGroupsError']>
export const KafkaJSDeleteTopicRecordsError: Errors['KafkaJSDeleteTopicRecordsError'] =
  classes.KafkaJSDeleteTopicRecordsError
export type KafkaJSDeleteTopicRecordsError = InstanceType<Errors['KafkaJSDeleteTopicRecordsError']>
export const KafkaJSError: Errors['KafkaJSError'] = classes.KafkaJSError
export type KafkaJSError = InstanceType<Errors['KafkaJSError']>
export const KafkaJSFetcherRebalanceError: Errors['KafkaJSFetcherRebalanceError'] = classes.KafkaJSFetcherRebalanceError
export type KafkaJSFetcherRebalanceError = InstanceType<Errors['KafkaJSFetcherRebalanceError']>
export const KafkaJSGroupCoordinatorNotFound: Errors['KafkaJSGroupCoordinatorNotFound'] =
  classes.KafkaJSGroupCoordinatorNotFound
export type KafkaJSGroupCoordinatorNotFound = InstanceType<Errors['KafkaJSGroupCoordinatorNotFound']>
export const KafkaJSInvalidLongError: Errors['KafkaJSInvalidLongError'] = classes.KafkaJSInvalidLongError
export type KafkaJSInvalidLongError = InstanceType<Errors['KafkaJSInvalidLongError']>
export const KafkaJSInvalidVarIntError: Errors['KafkaJSInvalidVarIntError'] = classes.KafkaJSInvalidVarIntError
export type KafkaJSInvalidVarIntError = InstanceType<Errors['KafkaJSInvalidVarIntError']>
export const KafkaJSInvariantViolation: Errors['KafkaJSInvariantViolation'] = classes.KafkaJSInvariantViolation
export type KafkaJSInvariantViolation = InstanceType<Errors['KafkaJSInvariantViolation']>
export const KafkaJSLockTimeout: Errors['KafkaJSLockTimeout'] = classes.KafkaJSLockTimeout
export type KafkaJSLockTimeout = InstanceType<Errors['KafkaJSLockTimeout']>
export const KafkaJSMemberIdRequired: Errors['KafkaJSMemberIdRequired'] = classes.KafkaJSMemberIdRequired
export type KafkaJSMemberIdRequired = InstanceType<Errors['KafkaJSMemberIdRequired']>
export const KafkaJSMetadataNotLoaded: Errors['KafkaJSMetadataNotLoaded'] = classes.KafkaJSMetadataNotLoaded
export type KafkaJSMetadataNotLoaded = InstanceType<Errors['KafkaJSMetadataNotLoaded']>
export const KafkaJSNoBrokerAvailableError: Errors['KafkaJSNoBrokerAvailableError'] =
  classes.KafkaJSNoBrokerAvailableError
export type KafkaJSNoBrokerAvailableError = InstanceType<Errors['KafkaJSNoBrokerAvailableError']>
export const KafkaJSNonRetriableError: Errors['KafkaJSNonRetriableError'] = classes.KafkaJSNonRetriableError
export type KafkaJSNonRetriableError = InstanceType<Errors['KafkaJSNonRetriableError']>
export const KafkaJSNotImplemented: Errors['KafkaJSNotImplemented'] = classes.KafkaJSNotImplemented
export type KafkaJSNotImplemented = InstanceType<Errors['KafkaJSNotImplemented']>
export const KafkaJSNumberOfRetriesExceeded: Errors['KafkaJSNumberOfRetriesExceeded'] =
  classes.KafkaJSNumberOfRetriesExceeded
export type KafkaJSNumberOfRetriesExceeded = InstanceType<Errors['KafkaJSNumberOfRetriesExceeded']>
export const KafkaJSOffsetOutOfRange: Errors['KafkaJSOffsetOutOfRange'] = classes.KafkaJSOffsetOutOfRange
export type KafkaJSOffsetOutOfRange = InstanceType<Errors['KafkaJSOffsetOutOfRange']>
export const KafkaJSPartialMessageError: Errors['KafkaJSPartialMessageError'] = classes.KafkaJSPartialMessageError
export type KafkaJSPartialMessageError = InstanceType<Errors['KafkaJSPartialMessageError']>
export const KafkaJSProtocolError: Errors['KafkaJSProtocolError'] = classes.KafkaJSProtocolError
export type KafkaJSProtocolError = InstanceType<Errors['KafkaJSProtocolError']>
export const KafkaJSRequestTimeoutError: Errors['KafkaJSRequestTimeoutError'] = classes.KafkaJSRequestTimeoutError
export type KafkaJSRequestTimeoutError = InstanceType<Errors['KafkaJSRequestTimeoutError']>
export const KafkaJSSASLAuthenticationError: Errors['KafkaJSSASLAuthenticationError'] =
  classes.KafkaJSSASLAuthenticationError
export type KafkaJSSASLAuthenticationError = InstanceType<Errors['KafkaJSSASLAuthenticationError']>
export const KafkaJSServerDoesNotSupportApiKey: Errors['KafkaJSServerDoesNotSupportApiKey'] =
  classes.KafkaJSServerDoesNotSupportApiKey
export type KafkaJSServerDoesNotSupportApiKey = InstanceType<Errors['KafkaJSServerDoesNotSupportApiKey']>
export const KafkaJSStaleTopicMetadataAssignment: Errors['KafkaJSStaleTopicMetadataAssignment'] =
  classes.KafkaJSStaleTopicMetadataAssignment
export type KafkaJSStaleTopicMetadataAssignment = InstanceType<Errors['KafkaJSStaleTopicMetadataAssignment']>
export const KafkaJSTimeout: Errors['KafkaJSTimeout'] = classes.KafkaJSTimeout
export type KafkaJSTimeout = InstanceType<Errors['KafkaJSTimeout']>
export const KafkaJSTopicMetadataNotLoaded: Errors['KafkaJSTopicMetadataNotLoaded'] =
  classes.KafkaJSTopicMetadataNotLoaded
export type KafkaJSTopicMetadataNotLoaded = InstanceType<Errors['KafkaJSTopicMetadataNotLoaded']>
export const KafkaJSUnsupportedMagicByteInMessageSet: Errors['KafkaJSUnsupportedMagicByteInMessageSet'] =
  classes.KafkaJSUnsupportedMagicByteInMessageSet
export type KafkaJSUnsupportedMagicByteInMessageSet = InstanceType<Errors['KafkaJSUnsupportedMagicByteInMessageSet']>
