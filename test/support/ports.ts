import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** Two ports in a row, of which only the first is free. */
export async function secondTaken(): Promise<{ first: number; release(): Promise<void> }> {
  for (;;) {
    const taken = await listen(0)
    const release = async (): Promise<void> => {
      taken.close()
      await once(taken, 'close')
    }
    const first = (taken.address() as AddressInfo).port - 1
    try {
      const probe = await listen(first)
      probe.close()
      await once(probe, 'close')
      return { first, release }
    } catch {
      await release()
    }
  }
}
