import { MalformedMessageError } from '../../errors.js'
import { ErrorCode } from '../error-codes.js'
import type { Api } from '../wire/api.js'
import { Reader } from '../wire/reader.js'
import { type TaggedField, Writer } from '../wire/writer.js'

/*
 * ApiVersionsRequest (key 18, versions 0 to 4; flexible from 3)
 *   ClientSoftwareName(STRING, 3+) ClientSoftwareVersion(STRING, 3+)
 *
 * ApiVersionsResponse
 *   ErrorCode(INT16) [ApiVersion] ThrottleTimeMs(INT32, 1+) tag 2: [FinalizedFeatureKey](3+)
 *   ApiVersion          => ApiKey(INT16) MinVersion(INT16) MaxVersion(INT16)
 *   FinalizedFeatureKey => Name(STRING) MaxVersionLevel(INT16) MinVersionLevel(INT16)
 *
 * A broker that does not know the version of the request answers UNSUPPORTED_VERSION in the form of version 0, whatever
 * was asked (KIP-511); from Kafka 2.4 on the answer lists the versions of ApiVersions that it does know. Both directions
 * of the codec keep that rule. The features of the cluster that are in force (KIP-584) are read; what the broker supports, and the rest of
 * the tagged fields, is skipped.
 */

export interface ApiVersionsRequest {
  /** A broker accepts letters, digits, `.` and `-`, beginning and ending with a letter or digit. Empty before version 3. */
  clientSoftwareName: string
  /** As `clientSoftwareName`. */
  clientSoftwareVersion: string
}

/** An API key is an INT16. Bounded, for the answer comes before anybody is authenticated. */
const MOST_KEYS = 65_536

const FEATURES_TAG = 2

export interface ApiVersion {
  apiKey: number
  minVersion: number
  maxVersion: number
}

/** A feature whose version the whole cluster has agreed upon, such as `transaction.version`. */
export interface FinalizedFeatureKey {
  name: string
  maxVersionLevel: number
  minVersionLevel: number
}

export interface ApiVersionsResponse {
  errorCode: number
  apiKeys: ApiVersion[]
  throttleTimeMs: number
  /** Empty before version 3. */
  finalizedFeatures: FinalizedFeatureKey[]
}

export const apiVersions: Api<ApiVersionsRequest, ApiVersionsResponse> = {
  key: 18,
  name: 'ApiVersions',
  minVersion: 0,
  maxVersion: 4,
  firstFlexibleVersion: 3,

  encodeRequest(writer: Writer, request: ApiVersionsRequest, version: number): void {
    if (version >= 3) writer.string(request.clientSoftwareName).string(request.clientSoftwareVersion)
    writer.tags()
  },

  decodeRequest(reader: Reader, version: number): ApiVersionsRequest {
    const request: ApiVersionsRequest = {
      clientSoftwareName: version >= 3 ? reader.string() : '',
      clientSoftwareVersion: version >= 3 ? reader.string() : '',
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: ApiVersionsResponse, version: number): void {
    if (response.errorCode === ErrorCode.UNSUPPORTED_VERSION) {
      const classic = new Writer(false)
      encodeBody(classic, response, 0)
      writer.raw(classic.toBuffer())
    } else {
      encodeBody(writer, response, version)
    }
  },

  decodeResponse(reader: Reader, version: number): ApiVersionsResponse {
    const errorCode = reader.int16()
    if (errorCode !== ErrorCode.UNSUPPORTED_VERSION) return decodeBody(reader, errorCode, version)
    const classic = new Reader(reader.raw(reader.remaining), false)
    const response = decodeBody(classic, errorCode, 0)
    if (classic.remaining > 0) {
      throw new MalformedMessageError(
        `the message goes on after the last field of an answer to ApiVersions (bytes left: ${classic.remaining})`,
      )
    }
    return response
  },
}

/**
 * The same, for the client: if the version of the request is not supported, versions that cannot be read are none. librdkafka's mock
 * cluster writes such.
 */
export const spokenVersions: Api<ApiVersionsRequest, ApiVersionsResponse> = {
  ...apiVersions,

  decodeResponse(reader: Reader, version: number): ApiVersionsResponse {
    const errorCode = reader.int16()
    if (errorCode !== ErrorCode.UNSUPPORTED_VERSION) return decodeBody(reader, errorCode, version)
    const classic = new Reader(reader.raw(reader.remaining), false)
    try {
      return decodeBody(classic, errorCode, 0)
    } catch {
      return { errorCode, apiKeys: [], throttleTimeMs: 0, finalizedFeatures: [] }
    }
  },
}

function encodeBody(writer: Writer, response: ApiVersionsResponse, version: number): void {
  writer.int16(response.errorCode).structs(response.apiKeys, api => {
    writer.int16(api.apiKey).int16(api.minVersion).int16(api.maxVersion)
  })
  if (version >= 1) writer.int32(response.throttleTimeMs)
  writer.tags(response.finalizedFeatures.length > 0 ? featuresTag(response) : undefined)
}

function featuresTag({ finalizedFeatures }: ApiVersionsResponse): TaggedField[] {
  const write = (writer: Writer): void => {
    writer.structs(finalizedFeatures, ({ name, maxVersionLevel, minVersionLevel }) => {
      writer.string(name).int16(maxVersionLevel).int16(minVersionLevel)
    })
  }
  return [{ tag: FEATURES_TAG, write }]
}

function decodeBody(reader: Reader, errorCode: number, version: number): ApiVersionsResponse {
  const response: ApiVersionsResponse = {
    errorCode,
    apiKeys: reader.structs<ApiVersion>(
      () => ({ apiKey: reader.int16(), minVersion: reader.int16(), maxVersion: reader.int16() }),
      MOST_KEYS,
    ),
    throttleTimeMs: version >= 1 ? reader.int32() : 0,
    finalizedFeatures: [],
  }
  const features = reader.taggedField(FEATURES_TAG)
  if (features !== undefined) response.finalizedFeatures = features.array(() => decodeFeature(features), MOST_KEYS)
  return response
}

function decodeFeature(reader: Reader): FinalizedFeatureKey {
  const feature = { name: reader.string(), maxVersionLevel: reader.int16(), minVersionLevel: reader.int16() }
  reader.tags()
  return feature
}
