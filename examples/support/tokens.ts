import type { BearerToken } from '../../src/index.js'

/*
 * Tokens of the large clouds for `sasl: { mechanism: 'oauthbearer', token }`. Each takes what the provider's own package has, so none of
 * these packages is needed to compile this.
 */

/** `generateAuthToken` of `aws-msk-iam-sasl-signer-js`. */
export type MskSigner = (options: { region: string }) => Promise<{ token: string; expiryTime: number }>

/** AWS MSK with IAM: `token: mskIam(generateAuthToken, 'eu-central-1')`, port 9098. */
export function mskIam(generateAuthToken: MskSigner, region: string): () => Promise<BearerToken> {
  return async () => {
    const { token: value, expiryTime: expiresAt } = await generateAuthToken({ region })
    return { value, expiresAt }
  }
}

/** A credential of `@azure/identity`, such as `new DefaultAzureCredential()`. */
export interface EntraCredential {
  getToken(scope: string): Promise<{ token: string; expiresOnTimestamp: number } | null>
}

/** Azure Event Hubs with Entra ID: `token: entra(new DefaultAzureCredential(), 'NAMESPACE.servicebus.windows.net')`, port 9093. */
export function entra(credential: EntraCredential, host: string): () => Promise<BearerToken> {
  return async () => {
    const token = await credential.getToken(`https://${host}/.default`)
    if (token === null) throw new Error('Entra ID gave no token')
    return { value: token.token, expiresAt: token.expiresOnTimestamp }
  }
}

/** A client of `google-auth-library`: `await new GoogleAuth({ scopes: 'https://www.googleapis.com/auth/cloud-platform' }).getClient()`. */
export interface GoogleClient {
  readonly credentials: { readonly expiry_date?: number | null }
  getAccessToken(): Promise<{ token?: string | null }>
}

/**
 * Google Cloud Managed Service for Apache Kafka: `token: google(client, 'app@PROJECT.iam.gserviceaccount.com')`, port 9092. Its brokers take
 * an access token inside of an unsigned JSON Web Token.
 */
export function google(client: GoogleClient, account: string): () => Promise<BearerToken> {
  return async () => {
    const { token } = await client.getAccessToken()
    if (!token) throw new Error('Google gave no access token')
    const expiresAt = client.credentials.expiry_date ?? Date.now() + 300_000
    const claims = {
      exp: Math.floor(expiresAt / 1000),
      iat: Math.floor(Date.now() / 1000),
      iss: 'Google',
      scope: 'kafka',
      sub: account,
    }
    const header = JSON.stringify({ typ: 'JWT', alg: 'GOOG_OAUTH2_TOKEN' })
    const value = [header, JSON.stringify(claims), token].map(part => Buffer.from(part).toString('base64url')).join('.')
    return { value, expiresAt }
  }
}
