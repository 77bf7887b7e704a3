/** What kafkajs's error classes are made from: a text, or an error with further fields, and more about it. */
type ErrorClass<E> = new (from: never, details: never) => E

/** Returns an error of kafkajs's with its cause, which most of its constructors do not take. */
export function makeError<E extends Error>(
  made: ErrorClass<E>,
  from: string | object,
  cause: unknown,
  details: object = {},
): E {
  return Object.assign(new made(from as never, details as never), { cause })
}
