import { apiVersions } from '../../src/protocol/messages/api-versions.js'
import { metadata } from '../../src/protocol/messages/metadata.js'
import { isFlexible } from '../../src/protocol/wire/api.js'
import type { Random } from '../support/random.js'
import { framed, type Reply } from './reply.js'

/** A reply that was tampered with. */
export interface Mutation {
  readonly kind: string
  readonly bytes: Buffer
  /** No reader of the protocol can take it for the answer that is waited for. */
  readonly detectable: boolean
}

type Mutator = (reply: Reply, random: Random, other: Reply) => Omit<Mutation, 'kind'>

const EXTREMES = ['7fffffff', '80000000', 'ffffffff', 'fffffffe', '00ffffff', '00010000', '7fff', '8000', 'ffff']
const COMPACT_EXTREMES = ['ffffffff0f', '8080808008', 'ffffff7f', 'ffffffffff', '808004', '00']

/** Bytes of a frame before what its API defines: size and correlation id. */
const HEADER = 8

const mutators: Record<string, Mutator> = {
  'bits flipped': ({ frame }, random) => {
    const bytes = Buffer.from(frame)
    for (let flips = random.int(1, 8); flips > 0; flips--) {
      const place = random.int(4, bytes.length - 1)
      bytes[place] = bytes[place]! ^ (1 << random.int(0, 7))
    }
    return { bytes, detectable: false }
  },

  truncated: ({ frame }, random) => ({
    bytes: framed(frame.subarray(4, random.int(4, frame.length - 1))),
    detectable: true,
  }),

  'longer than it says': ({ frame }, random) => ({
    bytes: framed(Buffer.concat([frame.subarray(4), noise(random, random.int(1, 40))])),
    detectable: true,
  }),

  'size out of range': ({ frame }, random) => {
    const bytes = Buffer.from(frame)
    bytes.writeInt32BE(random.pick([-1, -2147483648, 2147483647, 16_777_217, 0, 1, 2, 3]))
    return { bytes, detectable: true }
  },

  'size that is another one': ({ frame }, random) => {
    const bytes = Buffer.from(frame)
    // From 4 on: with less there is no correlation id.
    bytes.writeInt32BE(random.int(4, 2 * frame.length))
    return { bytes, detectable: bytes.readInt32BE() !== frame.length - 4 }
  },

  'length set to an extreme': ({ api, version, frame }, random) => {
    const bytes = Buffer.from(frame)
    const extreme = Buffer.from(random.pick(isFlexible(api, version) ? COMPACT_EXTREMES : EXTREMES), 'hex')
    extreme.copy(bytes, random.int(HEADER, bytes.length - 1))
    return { bytes, detectable: false }
  },

  'more elements than bytes': (reply, random) => {
    const place = firstArray(reply)
    if (place === undefined) return mutators.truncated!(reply, random, reply)
    const bytes = Buffer.from(reply.frame)
    const flexible = isFlexible(reply.api, reply.version)
    // The array's own length is one byte in the flexible form, unless it has more than 126 elements.
    const lie = Buffer.from(random.pick(flexible ? ['ffffffff0f', '8080808008'] : ['7fffffff', '00ffffff']), 'hex')
    const after = bytes.subarray(place + (flexible ? 1 : 4))
    return { bytes: framed(Buffer.concat([bytes.subarray(4, place), lie, after])), detectable: true }
  },

  'spliced with another': ({ frame }, random, other) => {
    const head = frame.subarray(4, random.int(4, frame.length))
    const tail = other.frame.subarray(random.int(4, other.frame.length))
    return { bytes: framed(Buffer.concat([head, tail])), detectable: false }
  },

  'wrong correlation id': ({ frame }, random) => {
    const bytes = Buffer.from(frame)
    bytes.writeInt32BE((bytes.readInt32BE(4) + random.pick([1, -1, 2, 4, 2 ** 30])) | 0, 4)
    return { bytes, detectable: true }
  },

  noise: (_reply, random) => ({ bytes: framed(noise(random, random.int(0, 200))), detectable: false }),
}

/** What only a connection can see: a decoder is given neither the size nor what was asked for. */
const OF_THE_CONNECTION = ['size out of range', 'size that is another one', 'wrong correlation id']

const kinds = Object.keys(mutators)
const bodyKinds = kinds.filter(kind => !OF_THE_CONNECTION.includes(kind))

/** Tampers with a reply in one of the ways above. */
export function mutate(reply: Reply, random: Random, other: Reply): Mutation {
  return mutateBy(random.pick(kinds), reply, random, other)
}

/** Tampers with what is behind the size and the correlation id, if the kind of it allows. */
export function mutateBody(reply: Reply, random: Random, other: Reply): Mutation {
  return mutateBy(random.pick(bodyKinds), reply, random, other)
}

/** Tampers with a reply so that its receiver can tell. */
export function mutateDetectably(reply: Reply, random: Random): Mutation {
  for (;;) {
    const mutation = mutate(reply, random, reply)
    if (mutation.detectable) return mutation
  }
}

function mutateBy(kind: string, reply: Reply, random: Random, other: Reply): Mutation {
  return { kind, ...mutators[kind]!(reply, random, other) }
}

function noise(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.int(0, 255)))
}

/** Where the length of the first array stands, if there is any. */
function firstArray({ api, version }: Reply): number | undefined {
  if (api.key === apiVersions.key) return HEADER + 2
  const tags = isFlexible(api, version) ? 1 : 0
  if (api.key === metadata.key) return HEADER + tags + 4
  return api.name === 'Produce' ? HEADER + tags : undefined
}
