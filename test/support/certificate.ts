/*
 * A key and a self-signed certificate for brokers of tests, for 127.0.0.1 and broker.test, from 2020 to 2120. They protect
 * nothing. Made with OpenSSL 3, where `ca.cnf` has `subjectAltName=IP:127.0.0.1,DNS:broker.test` and
 * `basicConstraints=critical,CA:TRUE`:
 *
 *   openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=rx-kafka test broker' \
 *     -keyout key.pem -out req.pem
 *   openssl ca -batch -selfsign -config ca.cnf -keyfile key.pem -in req.pem -out cert.pem -notext \
 *     -startdate 20200101000000Z -enddate 21200101000000Z
 */

export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcq4KqR3yUOpxF1Mp
G9C5nacVZJC5a7e4MwmwXHFJjPChRANCAAQI7Y1jDaw8DYKMfV554M0nOrAfnj2j
nXY6UYC6tOaqtg3NMq4J8tsc/AeDhEyumujUOY4CAZmRJfHS98fpNpfK
-----END PRIVATE KEY-----
`

/** It is its own authority: give it as `ca` to clients that are to trust it. */
export const cert = `-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIBATAKBggqhkjOPQQDAjAfMR0wGwYDVQQDDBRyeC1rYWZr
YSB0ZXN0IGJyb2tlcjAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFow
HzEdMBsGA1UEAwwUcngta2Fma2EgdGVzdCBicm9rZXIwWTATBgcqhkjOPQIBBggq
hkjOPQMBBwNCAAQI7Y1jDaw8DYKMfV554M0nOrAfnj2jnXY6UYC6tOaqtg3NMq4J
8tsc/AeDhEyumujUOY4CAZmRJfHS98fpNpfKo1AwTjAcBgNVHREEFTAThwR/AAAB
ggticm9rZXIudGVzdDAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBRyAvPE94Em
cZkz0DtTAAxQkabLUDAKBggqhkjOPQQDAgNJADBGAiEAvq8GuJXpB9bgrXKawcDf
KOj9Z8JqjoqYdGXacvTXbXMCIQCw8rPOonjkR+3yMHU+nz6KJsvFYHB+JTrtiUOP
LPe6Tg==
-----END CERTIFICATE-----
`
