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

/** Another key and certificate of the same kind, under the name "rx-kafka renewed test broker": what renewal brings. */
export const renewed = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBEv+hRCLyrSzP7fB
LIOUgtqeQOarIFDh/8lFfiYy/IehRANCAASXKHBkbAVpjl+obMYf4bMh3M3JQJdO
4kj/Z88ULZ3dCUfixPpIoUuo3buLLTaVfw5YM/JSH9SXTEy/S1iG0vW6
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBkDCCATWgAwIBAgIBAjAKBggqhkjOPQQDAjAnMSUwIwYDVQQDDBxyeC1rYWZr
YSByZW5ld2VkIHRlc3QgYnJva2VyMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAx
MDAwMDAwWjAnMSUwIwYDVQQDDBxyeC1rYWZrYSByZW5ld2VkIHRlc3QgYnJva2Vy
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAElyhwZGwFaY5fqGzGH+GzIdzNyUCX
TuJI/2fPFC2d3QlH4sT6SKFLqN27iy02lX8OWDPyUh/Ul0xMv0tYhtL1uqNQME4w
HAYDVR0RBBUwE4cEfwAAAYILYnJva2VyLnRlc3QwDwYDVR0TAQH/BAUwAwEB/zAd
BgNVHQ4EFgQUK46nULesqewyia1l2HW4yE5+AmswCgYIKoZIzj0EAwIDSQAwRgIh
AIEksdtBvx68tUBbrnvtimLw64bDRk+RDBbtzgMdue/PAiEA4ZOMuJnn0WQUFcWB
EDojLMXvTDzwX/mqKbkPPsAPgSk=
-----END CERTIFICATE-----
`,
}

/** The same for one day in 2020. */
export const expired = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgIcHPIykTq5Tja0O1
jy6YC0bI69mcoQWy7F1xVALYJBmhRANCAASlp9CVZ8k1Dn4wJJc9+xAxS6zUZ7Do
afLm/5AQhUN08+YE3FILGvD6//ndI+CJ4e/cmxl6CgjIDkS3qoOu34SP
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBjTCCATOgAwIBAgIBAjAKBggqhkjOPQQDAjAnMSUwIwYDVQQDDBxyeC1rYWZr
YSBleHBpcmVkIHRlc3QgYnJva2VyMB4XDTIwMDEwMTAwMDAwMFoXDTIwMDEwMjAw
MDAwMFowJzElMCMGA1UEAwwccngta2Fma2EgZXhwaXJlZCB0ZXN0IGJyb2tlcjBZ
MBMGByqGSM49AgEGCCqGSM49AwEHA0IABKWn0JVnyTUOfjAklz37EDFLrNRnsOhp
8ub/kBCFQ3Tz5gTcUgsa8Pr/+d0j4Inh79ybGXoKCMgORLeqg67fhI+jUDBOMBwG
A1UdEQQVMBOHBH8AAAGCC2Jyb2tlci50ZXN0MA8GA1UdEwEB/wQFMAMBAf8wHQYD
VR0OBBYEFA1mMNe3xCCoaOq6r/kfvItx+9ggMAoGCCqGSM49BAMCA0gAMEUCIQDn
Q7Bt1oafZZ3cybtapmObVuqA1EnokB0kZybKqW/S+QIgF6yoRa2y5EohJhtoB3Dk
SHmmf8/A5T6ePmNoGITuOSk=
-----END CERTIFICATE-----
`,
}
