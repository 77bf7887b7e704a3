/**
 * The API of kafkajs, with this library's producer. A program changes its import, and no more.
 *
 * @module
 */
import * as api from './api.js'

export * from './api.js'
// For `import kafkajs from`: kafkajs is CommonJS, and Node names few of its exports.
export default api
