//! The words for signatures: the algorithms, and the headers that name a certificate.

use crate::words::words;

words! {
    /// The algorithm of a signature (RFC 7518 §3.1): the option `signing_algorithm`.
    SigningAlgorithm {
        /// RSA with PKCS#1 v1.5 and SHA-256.
        Rs256 = "RS256",
        /// RSA with PKCS#1 v1.5 and SHA-384.
        Rs384 = "RS384",
        /// RSA with PKCS#1 v1.5 and SHA-512.
        Rs512 = "RS512",
        /// RSA with PSS and SHA-256.
        Ps256 = "PS256",
        /// RSA with PSS and SHA-384.
        Ps384 = "PS384",
        /// RSA with PSS and SHA-512.
        Ps512 = "PS512",
        /// ECDSA with P-256 and SHA-256.
        Es256 = "ES256",
        /// ECDSA with P-384 and SHA-384.
        Es384 = "ES384",
        /// Ed25519 (RFC 8037 §3.1).
        EdDsa = "EdDSA",
        /// Ed25519 under its newer name (RFC 9864).
        Ed25519 = "Ed25519",
        /// HMAC with SHA-256 and the client secret.
        Hs256 = "HS256",
        /// HMAC with SHA-384 and the client secret.
        Hs384 = "HS384",
        /// HMAC with SHA-512 and the client secret.
        Hs512 = "HS512",
    }
}

words! {
    /// How the header of an assertion names the certificate (RFC 7515 §4.1): the option `signing_cert_header`.
    SigningCertHeader, default X5tS256 {
        /// The SHA-256 of the certificate.
        X5tS256 = "x5t#S256",
        /// The SHA-1 of the certificate, for older servers.
        X5t = "x5t",
        /// The certificate and its chain.
        X5c = "x5c",
    }
}
