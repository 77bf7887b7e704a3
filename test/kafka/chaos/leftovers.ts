import { asyncScheduler, type SchedulerAction, type SchedulerLike, type Subscription } from 'rxjs'
import type { Address, Socket, SocketListener, Transport } from '../../../src/transport/transport.js'
import { tcp } from '../../support/tcp.js'

/** The real clock; counts the timers that run. */
export class CountingScheduler implements SchedulerLike {
  pending = 0

  now(): number {
    return asyncScheduler.now()
  }

  schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T): Subscription {
    let runs = true
    const over = (): void => {
      if (runs) this.pending--
      runs = false
    }
    this.pending++
    const timer = asyncScheduler.schedule<T>(
      function (value) {
        over()
        work.call(this, value)
      },
      delay,
      state,
    )
    timer.add(over)
    return timer
  }
}

/** TCP; counts the sockets that stand, or try to. */
export class CountingTransport implements Transport {
  open = 0

  connect(address: Address, listener: SocketListener): Socket {
    this.open++
    return tcp.connect(address, {
      opened: () => listener.opened(),
      received: chunk => listener.received(chunk),
      closed: error => {
        this.open--
        listener.closed(error)
      },
    })
  }
}
