import type { Mutation } from './mutation.js'

/** Of log-in: where credentials and certificates come from, and what is told of them. */
export const LOG_IN: readonly Mutation[] = [
  {
    rule: 'log-in',
    name: 'an error tells the token that it refuses',
    file: 'src/transport/bearer-token.ts',
    text: 'if (flaw !== undefined) throw new AuthenticationError(',
    instead: 'if (flaw !== undefined) throw new AuthenticationError(String(value) +',
    checks: ['scenarios'],
  },
  {
    rule: 'log-in',
    name: 'a function is called for the first authentication only',
    file: 'src/producer/options/renewed.ts',
    text: 'const given = await call(option, get)',
    instead: 'if (last !== undefined) return last.resolved; const given = await call(option, get)',
    checks: ['units', 'scenarios'],
  },
  {
    rule: 'log-in',
    name: 'a token is used until it expires, when its session has ended as well',
    file: 'src/transport/oauthbearer.ts',
    text: 'const USED_SHARE = 0.8',
    instead: 'const USED_SHARE = 1',
    checks: ['units'],
  },
  {
    rule: 'log-in',
    name: 'every connection fetches a token of its own',
    file: 'src/transport/oauthbearer.ts',
    text: 'now() - fetching.since < LONGEST_FETCH_MS',
    instead: 'now() < fetching.since',
    checks: ['units'],
  },
  {
    rule: 'log-in',
    name: 'a revoked token that was used before ends the producer',
    file: 'src/transport/sasl.ts',
    text: 'exchange.refused?.() === true',
    instead: 'exchange.refused === undefined',
    checks: ['units', 'scenarios'],
  },
  {
    rule: 'log-in',
    name: 'the secret follows a redirect',
    file: 'src/transport/client-credentials.ts',
    text: "redirect: 'error'",
    instead: "redirect: 'follow'",
    checks: ['units'],
  },
  {
    rule: 'log-in',
    name: 'a connection that has ended is made once its certificates are there',
    file: 'src/transport/tls.ts',
    text: 'if (!ended) socket =',
    instead: 'socket =',
    checks: ['units'],
  },
]
