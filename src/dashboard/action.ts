import type { Observable } from 'rxjs'

/** A button on the page. */
export interface DashboardAction {
  /** The text on the button. */
  readonly label: string
  /** What it does, in a sentence. */
  readonly help?: string
  /** Called when it is pressed. If it throws, or rejects, the page shows the error. */
  run(): void | Promise<void>
}

/** What is told at the head of the page, until the next. */
export interface DashboardNote {
  /** A few words. */
  readonly title: string
  /** One sentence. */
  readonly text: string
  /** The rule of the window that it shows, by its number in ARCHITECTURE.md. */
  readonly rule?: number
}

/** Options of {@link serveDashboard}. */
export interface DashboardOptions {
  /** 0: any that is free. Default 0. */
  readonly port?: number
  /** The address to listen at. Default `127.0.0.1`: only this machine reaches it. There is no password. */
  readonly host?: string
  /** Buttons, such as those that inject faults into a testing broker. Default: none. */
  readonly actions?: readonly DashboardAction[]
  /** What to tell at the head of the page. Default: nothing. */
  readonly notes$?: Observable<DashboardNote>
}
