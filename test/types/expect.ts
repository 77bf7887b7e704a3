/** Whether two types are the very same; `any` and `unknown` are the same as nothing else. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/**
 * Has the compiler check that a value is of the type `Expected`, not of one that is only assignable to it.
 *
 * @example expectType<Ack<number>>()(ack)
 */
export function expectType<Expected>(): <Actual>(
  value: Actual,
  ...notTheSame: Equal<Actual, Expected> extends true ? [] : [{ expected: Expected; actual: Actual }]
) => void {
  return () => {}
}
