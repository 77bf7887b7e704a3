import type { SaslAuthenticateRequest, SaslAuthenticateResponse } from '../../protocol/messages/sasl-authenticate.js'
import type { SaslHandshakeRequest, SaslHandshakeResponse } from '../../protocol/messages/sasl-handshake.js'
import type { Handler } from '../state/cluster-state.js'

export const handleSaslHandshake: Handler<SaslHandshakeRequest, SaslHandshakeResponse> = ({ authenticator }, request) =>
  authenticator.handshake(request)

export const handleSaslAuthenticate: Handler<SaslAuthenticateRequest, SaslAuthenticateResponse> = (
  { authenticator },
  request,
) => authenticator.authenticate(request)
