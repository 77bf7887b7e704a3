/** The first error of any stream: an input that is silent for long is not to hide it. */
export class Broken {
  #error: Error | undefined
  #reject = (_: Error): void => {}

  by(error: Error): void {
    this.#error ??= error
    this.#reject(error)
  }

  check(): void {
    if (this.#error !== undefined) throw this.#error
  }

  /** What a promise resolves to, unless a stream errors before. Unlike Promise.race(), it leaves nothing behind for each call. */
  or<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject
      if (this.#error !== undefined) reject(this.#error)
      promise.then(resolve, reject)
    })
  }
}
