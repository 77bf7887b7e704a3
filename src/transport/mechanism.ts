/** To whom a connection authenticates. */
export interface Peer {
  readonly host: string
  readonly port: number
  /** Aborted when the authentication has ended, with or without success, and when the connection ends before. */
  readonly signal: AbortSignal
}

/** A client's identity, and how it authenticates. */
export interface SaslMechanism {
  /** As Kafka spells it: `SCRAM-SHA-256`. */
  readonly name: string
  /** What it sends lets whoever reads it log in as well. */
  readonly bare?: true
  /** Called for every authentication, and again for those that follow on the same connection. */
  begin(peer: Peer): SaslExchange | Promise<SaslExchange>
}

/** The mechanism, or a function that returns that of the next authentication. */
export type SaslLogin = SaslMechanism | ((peer: Peer) => Promise<SaslMechanism>)

/** One authentication: what is said, token by token. */
export interface SaslExchange {
  first(): Buffer
  /**
   * Returns the answer to a token of the broker; undefined after the last one.
   *
   * @throws {AuthenticationError} when the broker's token is not valid.
   */
  next(challenge: Buffer): Buffer | undefined | Promise<Buffer | undefined>
  /** The longest session that the credentials allow, in ms, known after the last token; 0 or undefined: they set no limit. */
  readonly lifetimeMs?: number
  /** Called when the broker refuses the credentials. Returns whether the next authentication begins with others. */
  refused?(): boolean
}
