/** What answers there, if its first bytes tell, and the remedy. */
export function foreignProtocol(bytes: Buffer): string | undefined {
  if (bytes.toString('latin1', 0, 5) === 'HTTP/') return 'an HTTP server answers here, not Kafka'
  // A TLS record: alert (21) or handshake (22), major version 3.
  if ((bytes[0] === 21 || bytes[0] === 22) && bytes[1] === 3)
    return 'a TLS listener answers here, not plain Kafka: set option `ssl` to speak TLS'
  return undefined
}
