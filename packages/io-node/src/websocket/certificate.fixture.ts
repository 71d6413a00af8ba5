// Self-signed for portal.test until 2126: `openssl req -x509 -newkey ec -subj /CN=portal.test -addext subjectAltName=…`.

/** A private key that protects nothing. */
export const key: string = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQDLSx1CrIEDTMD11
hk4CaxIE2W2KIlJE2XBqxIxYH82hRANCAAQsLCaqTVYR9h8hI2+BQ7cCfAaca1Bb
hYKA4TQ+kuTDG6HvDW7hoF6ssH2ic/4lrYHlizZqUjjD3wQOg5/nSeXr
-----END PRIVATE KEY-----
`

/** Its certificate. */
export const cert: string = `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUEBT6Mj+eWnlyitgJmrBDWAmpTdkwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLcG9ydGFsLnRlc3QwIBcNMjYxMTIwMTkzODI3WhgPMjEyNjEw
MjcxOTM4MjdaMBYxFDASBgNVBAMMC3BvcnRhbC50ZXN0MFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAELCwmqk1WEfYfISNvgUO3AnwGnGtQW4WCgOE0PpLkwxuh7w1u
4aBerLB9onP+Ja2B5Ys2alI4w98EDoOf50nl66NrMGkwHQYDVR0OBBYEFGDqcuaj
ZO+eSV2V43sZSPN6ospNMB8GA1UdIwQYMBaAFGDqcuajZO+eSV2V43sZSPN6ospN
MA8GA1UdEwEB/wQFMAMBAf8wFgYDVR0RBA8wDYILcG9ydGFsLnRlc3QwCgYIKoZI
zj0EAwIDSQAwRgIhAKvAhZO9amSlsDWNKjC1TfM0k+qslNYVImJZWJtXEE7wAiEA
ufRZuR2hVzdBzkU1fCGS93oT5vd0NufIsOojAfozEdY=
-----END CERTIFICATE-----
`
