/**
 * A page, and text for a terminal, that show a producer's in-flight windows live. Begin with {@link serveDashboard}.
 *
 * @module
 */
export type { DashboardAction, DashboardNote, DashboardOptions } from './action.js'
export { type Dashboard, serveDashboard } from './serve-dashboard.js'
export { type TopOptions, topText } from './top/top-text.js'
