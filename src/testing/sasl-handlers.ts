import type { SaslAuthenticateRequest, SaslAuthenticateResponse } from '../protocol/sasl-authenticate.js'
import type { SaslHandshakeRequest, SaslHandshakeResponse } from '../protocol/sasl-handshake.js'
import type { Handler } from './cluster-state.js'

export const handleSaslHandshake: Handler<SaslHandshakeRequest, SaslHandshakeResponse> = ({ authenticator }, request) =>
  authenticator.handshake(request)

export const handleSaslAuthenticate: Handler<SaslAuthenticateRequest, SaslAuthenticateResponse> = (
  { authenticator },
  request,
) => authenticator.authenticate(request)
