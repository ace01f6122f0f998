//! Certificates: an authority in memory, its good and bad certificates, and the TLS settings of a server.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
    version,
};
use serde::Deserialize;
use std::sync::Arc;

/// A certificate authority in memory: a root, and an intermediate that the root has signed. Each value has new keys.
pub struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

/// The kinds of server certificate, most of them with one fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaf {
    /// Without a fault: for `localhost`, `127.0.0.1`, `::1` and `token.example`, with an EC key.
    Good,
    /// Without a fault, with an RSA key of 2048 bits.
    GoodRsa,
    Expired,
    NotYetValid,
    /// For `wrong.example`.
    WrongHost,
    /// `localhost` is in the subject only, which clients must ignore (RFC 6125 §6.4.4).
    SubjectOnly,
    SelfSigned,
    /// Signed by another authority.
    OtherAuthority,
    /// Good, but sent without the intermediate that signed it.
    MissingIntermediate,
    /// For clients only.
    ClientOnly,
}

/// A certificate with its chain, without the root, and its key, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub chain: String,
    pub key: String,
}

/// The TLS settings of a server.
#[derive(Clone, Debug)]
pub struct Tls {
    pub identity: Identity,
    /// Requires a client certificate of this root (PEM).
    pub client_root: Option<String>,
    pub versions: Versions,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Versions {
    #[default]
    Both,
    Only12,
    Only13,
}

// Stored, since generating one takes seconds without optimisation. It protects nothing.
pub(crate) const RSA_KEY: &str = include_str!("rsa.key");

/// The last name is for clients that come through the proxy, where every host leads to loopback.
const NAMES: [&str; 4] = ["localhost", "127.0.0.1", "::1", "token.example"];

impl Authority {
    #[allow(clippy::new_without_default, reason = "every value is different")]
    pub fn new() -> Self {
        let (root_key, intermediate_key) = (ec_key(), ec_key());
        // Each authority has a different name, as in practice: a client then reports "unknown issuer", not "bad signature".
        let name: String = root_key.public_key_raw()[1..5].iter().map(|byte| format!("{byte:02x}")).collect();
        let mut params = params(&format!("Test root {name}"), &[], ExtendedKeyUsagePurpose::ServerAuth);
        params.extended_key_usages.clear();
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let mut under = params.clone();
        under.distinguished_name = common_name(&format!("Test intermediate {name}"));
        under.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let root = CertifiedIssuer::self_signed(params, root_key).expect("a fixed certificate");
        let intermediate = CertifiedIssuer::signed_by(under, intermediate_key, &root).expect("a fixed certificate");
        Self { root, intermediate }
    }

    /// Returns the certificate of the root, for options such as `ca_file`.
    pub fn pem(&self) -> String {
        self.root.pem()
    }

    /// Issues a server certificate.
    pub fn issue(&self, leaf: Leaf) -> Identity {
        let server = ExtendedKeyUsagePurpose::ServerAuth;
        match leaf {
            Leaf::Good => self.sign(&params("Test server", &NAMES, server), ec_key()),
            Leaf::GoodRsa => {
                self.sign(&params("Test server", &NAMES, server), KeyPair::from_pem(RSA_KEY).expect("a fixed key"))
            }
            Leaf::Expired => {
                let mut params = params("Test server", &NAMES, server);
                params.not_after = date_time_ymd(2021, 1, 1);
                self.sign(&params, ec_key())
            }
            Leaf::NotYetValid => {
                let mut params = params("Test server", &NAMES, server);
                params.not_before = date_time_ymd(2098, 1, 1);
                self.sign(&params, ec_key())
            }
            Leaf::WrongHost => self.sign(&params("Test server", &["wrong.example"], server), ec_key()),
            Leaf::SubjectOnly => self.sign(&params("localhost", &[], server), ec_key()),
            Leaf::SelfSigned => {
                let key = ec_key();
                let certificate = params("localhost", &NAMES, server).self_signed(&key).expect("a fixed certificate");
                Identity { chain: certificate.pem(), key: key.serialize_pem() }
            }
            Leaf::OtherAuthority => Self::new().issue(Leaf::Good),
            Leaf::MissingIntermediate => {
                let key = ec_key();
                let params = params("Test server", &NAMES, server);
                let certificate = params.signed_by(&key, &self.intermediate).expect("a fixed certificate");
                Identity { chain: certificate.pem(), key: key.serialize_pem() }
            }
            Leaf::ClientOnly => {
                self.sign(&params("Test server", &NAMES, ExtendedKeyUsagePurpose::ClientAuth), ec_key())
            }
        }
    }

    /// Issues a client certificate, for servers with `client_root`.
    pub fn client(&self) -> Identity {
        self.sign(&params("Test client", &[], ExtendedKeyUsagePurpose::ClientAuth), ec_key())
    }

    /// Returns the settings of a server with this certificate, which requires no client certificate.
    pub fn tls(&self, leaf: Leaf) -> Tls {
        Tls { identity: self.issue(leaf), client_root: None, versions: Versions::Both }
    }

    /// Returns the settings of a server with a good certificate, which requires a client certificate of this authority.
    pub fn mutual_tls(&self) -> Tls {
        Tls { client_root: Some(self.pem()), ..self.tls(Leaf::Good) }
    }

    fn sign(&self, params: &CertificateParams, key: KeyPair) -> Identity {
        let certificate = params.signed_by(&key, &self.intermediate).expect("a fixed certificate");
        Identity { chain: certificate.pem() + &self.intermediate.pem(), key: key.serialize_pem() }
    }
}

impl Identity {
    /// Returns the certificates of the chain, the server's or client's own first.
    pub fn certificates(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(self.chain.as_bytes()).map(|der| der.expect("PEM")).collect()
    }

    pub fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("PEM")
    }
}

impl Tls {
    pub(crate) fn config(&self) -> Result<Arc<ServerConfig>, Box<dyn std::error::Error + Send + Sync>> {
        let versions: &[&SupportedProtocolVersion] = match self.versions {
            Versions::Both => &[&version::TLS12, &version::TLS13],
            Versions::Only12 => &[&version::TLS12],
            Versions::Only13 => &[&version::TLS13],
        };
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions)?;
        let config = match &self.client_root {
            None => config.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(pem.as_bytes())?)?;
                config.with_client_cert_verifier(
                    WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build()?,
                )
            }
        };
        Ok(Arc::new(config.with_single_cert(self.identity.certificates(), self.identity.private_key())?))
    }
}

fn ec_key() -> KeyPair {
    KeyPair::generate().expect("the system has random numbers")
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// With key identifiers and usages: OpenSSL's strict mode, the default of Python 3.13, requires them.
fn params(name: &str, names: &[&str], usage: ExtendedKeyUsagePurpose) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    let mut params = CertificateParams::new(names).expect("fixed names");
    params.distinguished_name = common_name(name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    params
}
