/** The version in package.json; brokers see it in their request metrics (KIP-511). A test keeps the two equal. */
export const VERSION = '0.1.0'
