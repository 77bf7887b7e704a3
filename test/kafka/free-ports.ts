import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Ports that nobody listens on, and below those that systems give to connections by themselves: of these one may be taken
 * again, by a proxy or a connection between two brokers, before the broker that it is for has started.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(10_000, 32_000)
    const server = createServer()
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening')
      await once(server.close(), 'close')
      ports.add(port)
    } catch {
      // Somebody listens there.
    }
  }
  return [...ports]
}
