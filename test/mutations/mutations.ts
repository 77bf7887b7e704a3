import { ANSWERS } from './answers.js'
import { BAD_RECORDS } from './bad-records.js'
import type { Mutation } from './mutation.js'
import { RECOVERY } from './recovery.js'
import { RECREATED } from './recreated.js'
import { WINDOW } from './window.js'

export const MUTATIONS: readonly Mutation[] = [...WINDOW, ...RECOVERY, ...BAD_RECORDS, ...ANSWERS, ...RECREATED]
