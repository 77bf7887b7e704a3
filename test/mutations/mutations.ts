import { ANSWERS } from './answers.js'
import { BAD_RECORDS } from './bad-records.js'
import { COMMAND } from './cli.js'
import { COMPRESSION } from './compression.js'
import { CONNECTIONS } from './connections.js'
import { DASHBOARD } from './dashboard.js'
import { KEYS } from './keys.js'
import { LOG_IN } from './log-in.js'
import type { Mutation } from './mutation.js'
import { PIPELINE_STAGES } from './pipeline.js'
import { RECOVERY } from './recovery.js'
import { RECREATED } from './recreated.js'
import { TRANSACTIONS } from './transactions.js'
import { VISIBILITY } from './visibility.js'
import { WINDOW } from './window.js'

export const MUTATIONS: readonly Mutation[] = [
  ...PIPELINE_STAGES,
  ...WINDOW,
  ...RECOVERY,
  ...BAD_RECORDS,
  ...ANSWERS,
  ...RECREATED,
  ...COMPRESSION,
  ...KEYS,
  ...CONNECTIONS,
  ...LOG_IN,
  ...TRANSACTIONS,
  ...VISIBILITY,
  ...COMMAND,
  ...DASHBOARD,
]
