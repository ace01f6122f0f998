//! Whom to trust and who we are: certificates read, checked and kept current, and what a failed handshake means.
//!
//! Nothing here is initialised under a lock: a fork would freeze the lock in the child. Whoever comes first loads, and
//! two who come first both load.

use crate::{
    config::{Identity, Roots},
    error::{Error, ErrorKind},
    redact,
    system::{self, Stamp, TOO_MANY_FILES},
};
use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, InconsistentKeys, PeerIncompatible, RootCertStore,
    client::Resumption,
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject},
};
use rustls_native_certs::CertificateResult;
use std::{
    borrow::Cow,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::{Duration, SystemTime},
};
use zeroize::Zeroizing;

/// One source's side of TLS. Reads its files again when they have changed, since certificates rotate.
pub(super) struct Tls {
    trusted: Trusted,
    identity: Option<Identity>,
    current: ArcSwap<Loaded>,
}

enum Trusted {
    Always(Arc<RootCertStore>),
    File { path: PathBuf, named_by: &'static str },
}

/// Which file was read, and what it was then.
type Seen = (PathBuf, Stamp);

struct Loaded {
    config: Arc<ClientConfig>,
    files: Vec<Seen>,
}

impl Tls {
    /// Looks for the system's certificates, which takes some milliseconds the first time in a process.
    pub(super) fn new(roots: &Roots, identity: Option<&Identity>) -> Result<Self, Error> {
        let trusted = match roots {
            Roots::Auto => Trusted::Always(system_roots()?.unwrap_or_else(bundled_roots)),
            Roots::Bundled => Trusted::Always(bundled_roots()),
            Roots::System => Trusted::Always(system_roots()?.ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidConfig,
                    "ca is `system`, but this system has no root certificates: install them (often the package \
                     ca-certificates), or set ca to `auto` or `bundled`, or name a ca_file",
                )
            })?),
            Roots::File { path, named_by } => Trusted::File { path: path.clone(), named_by },
        };
        let loaded = load(&trusted, identity)?;
        Ok(Self { trusted, identity: identity.cloned(), current: ArcSwap::from_pointee(loaded) })
    }

    /// The setup for a connection made now. Fails if a file has changed and is no good any more.
    pub(super) fn current(&self) -> Result<Arc<ClientConfig>, Error> {
        let loaded = self.current.load();
        if loaded.files.iter().all(|(path, stamp)| Stamp::at(path) == Some(*stamp)) {
            return Ok(Arc::clone(&loaded.config));
        }
        let loaded = Arc::new(load(&self.trusted, self.identity.as_ref())?);
        self.current.store(Arc::clone(&loaded));
        Ok(Arc::clone(&loaded.config))
    }
}

fn load(trusted: &Trusted, identity: Option<&Identity>) -> Result<Loaded, Error> {
    let mut files = Vec::new();
    let roots = match trusted {
        Trusted::Always(roots) => Arc::clone(roots),
        Trusted::File { path, named_by } => roots_of(path, named_by, &mut files)?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Internal, format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let cert = Pem::read(&identity.cert, "client_cert_file", &mut files)?;
            let key = Pem::read(&identity.key, "client_key_file", &mut files)?;
            let chain = cert.certificates()?;
            builder.with_client_auth_cert(chain, key.private_key()?).map_err(|error| misfit(&error, &cert, &key))?
        }
    };
    // Tokens are fetched hours apart: a session would be stale, and the store for them is a lock.
    config.resumption = Resumption::disabled();
    Ok(Loaded { config: Arc::new(config), files })
}

fn misfit(error: &rustls::Error, cert: &Pem, key: &Pem) -> Error {
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            key.unusable("does not belong to the certificate in client_cert_file: name the key that was made with it")
        }
        rustls::Error::InvalidCertificate(_) => cert.unusable("holds a certificate that cannot be read: make it anew"),
        _ => key.unusable(
            "holds a key of a kind that is not supported: use RSA (2048 to 4096 bits), ECDSA (P-256, P-384) or Ed25519",
        ),
    }
}

/// The system's root certificates, read once per process; `None` where there are none. Fails where they are there and
/// cannot be opened for now: to do without them would be for the life of the source, or of the process.
fn system_roots() -> Result<Option<Arc<RootCertStore>>, Error> {
    static LOADED: ArcSwapOption<RootCertStore> = ArcSwapOption::const_empty();
    if let Some(loaded) = &*LOADED.load() {
        return Ok(Some(Arc::clone(loaded)));
    }
    let mut store = RootCertStore::empty();
    for found in system_certificates() {
        for error in &found.errors {
            if let rustls_native_certs::ErrorKind::Io { inner, .. } = &error.kind
                && system::is_out_of_files(inner)
            {
                let why = format!("the system's root certificates cannot be read ({inner}): {TOO_MANY_FILES}");
                return Err(Error::new(ErrorKind::InvalidConfig, why));
            }
        }
        // Systems ship the odd certificate that nobody can parse; the others are still good.
        store.add_parsable_certificates(found.certs);
    }
    Ok((!store.is_empty()).then(|| {
        let store = Arc::new(store);
        LOADED.store(Some(Arc::clone(&store)));
        store
    }))
}

/// From the directories where systems keep them, whatever SSL_CERT_FILE and SSL_CERT_DIR say at this moment: what is
/// read here serves every source of the process.
#[cfg(all(unix, not(target_os = "macos")))]
fn system_certificates() -> impl Iterator<Item = CertificateResult> {
    openssl_probe::candidate_cert_dirs().map(|path| rustls_native_certs::load_certs_from_paths(None, Some(path)))
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn system_certificates() -> impl Iterator<Item = CertificateResult> {
    std::iter::once(rustls_native_certs::load_native_certs())
}

fn bundled_roots() -> Arc<RootCertStore> {
    static LOADED: ArcSwapOption<RootCertStore> = ArcSwapOption::const_empty();
    LOADED.load_full().unwrap_or_else(|| {
        let store = Arc::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
        LOADED.store(Some(Arc::clone(&store)));
        store
    })
}

/// The certificates of a file. All sources that name it have one set, while it stays as it is and any of them lives: a
/// system's whole list takes 90 kB.
pub(super) fn roots_of(
    path: &Path,
    named_by: &'static str,
    files: &mut Vec<Seen>,
) -> Result<Arc<RootCertStore>, Error> {
    static SHARED: ArcSwapOption<Vec<(Seen, Weak<RootCertStore>)>> = ArcSwapOption::const_empty();
    if let (Some(shared), Some(stamp)) = (&*SHARED.load(), Stamp::at(path)) {
        let seen = (path.to_owned(), stamp);
        if let Some(roots) = shared.iter().filter(|(known, _)| *known == seen).find_map(|(_, roots)| roots.upgrade()) {
            files.push(seen);
            return Ok(roots);
        }
    }
    let mut read = Vec::new();
    let roots = Arc::new(roots_in(&Pem::read(path, named_by, &mut read)?)?);
    SHARED.rcu(|shared| {
        let living = shared.iter().flat_map(|shared| shared.iter()).filter(|(_, roots)| roots.strong_count() > 0);
        let new = read.iter().map(|seen| (seen.clone(), Arc::downgrade(&roots)));
        Some(Arc::new(living.cloned().chain(new).collect::<Vec<_>>()))
    });
    files.append(&mut read);
    Ok(roots)
}

fn roots_in(pem: &Pem) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    for certificate in pem.certificates()? {
        store
            .add(certificate)
            .map_err(|_| pem.unusable("holds a certificate that cannot be read: take it out or make it anew"))?;
    }
    Ok(store)
}

/// No file of certificates or keys is larger; a system's whole list has a quarter of this.
const FILE_LIMIT: u64 = 1 << 20;

/// A PEM file, and the option or variable that named it.
struct Pem {
    path: PathBuf,
    named_by: &'static str,
    text: Zeroizing<Vec<u8>>,
}

impl Pem {
    fn read(path: &Path, named_by: &'static str, files: &mut Vec<Seen>) -> Result<Self, Error> {
        let mut pem = Self { path: path.to_owned(), named_by, text: Zeroizing::default() };
        let unreadable = |error| pem.unusable(&format!("cannot be read ({error}): check the path and its permissions"));
        // Looked at before it is opened: opening a FIFO waits for a writer.
        let seen = fs::metadata(path).map_err(unreadable)?;
        if !seen.is_file() {
            return Err(pem.unusable("is not a regular file: name a PEM file"));
        }
        let file = File::open(path).map_err(unreadable)?;
        let seen = file.metadata().map_err(unreadable)?;
        let mut text = Zeroizing::new(Vec::with_capacity(seen.len().min(FILE_LIMIT) as usize + 2));
        file.take(FILE_LIMIT + 1).read_to_end(&mut text).map_err(unreadable)?;
        if text.len() as u64 > FILE_LIMIT {
            return Err(pem.unusable("is larger than 1 MiB: name a PEM file with only what is needed"));
        }
        if text.is_empty() {
            return Err(pem.unusable("is empty: name a PEM file"));
        }
        pem.text = text;
        files.push((path.to_owned(), Stamp::of(&seen)));
        Ok(pem)
    }

    /// At least one.
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.text).collect();
        match found {
            Err(_) => Err(self.unusable("is broken PEM: copy or make it anew")),
            Ok(found) if found.is_empty() => {
                Err(self.unusable("holds no certificate: it must be PEM, with lines that say BEGIN CERTIFICATE"))
            }
            Ok(found) => Ok(found),
        }
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, Error> {
        if self.says(b"ENCRYPTED") {
            return Err(
                self.unusable("is encrypted, and there is no option for a passphrase: decrypt it with `openssl pkey`")
            );
        }
        PrivateKeyDer::from_pem_slice(&self.text).map_err(|error| match error {
            rustls::pki_types::pem::Error::NoItemsFound => {
                self.unusable("holds no private key: it must be PEM, with a line that says BEGIN PRIVATE KEY")
            }
            _ => self.unusable("is broken PEM: copy or make it anew"),
        })
    }

    fn says(&self, word: &[u8]) -> bool {
        self.text.windows(word.len()).any(|window| window == word)
    }

    fn unusable(&self, why: &str) -> Error {
        let path = redact::truncate(&self.path.to_string_lossy(), 500);
        Error::new(ErrorKind::InvalidConfig, format!("the file \"{path}\" that {} names {why}", self.named_by))
    }
}

/// What is wrong and what to do, in the words that follow "TLS with the server failed: ".
pub(super) fn explain(error: &rustls::Error) -> Cow<'static, str> {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(error) => explain_certificate(error),
        E::AlertReceived(alert) => explain_alert(*alert),
        E::InvalidMessage(_) => {
            "what came back is not TLS: is this the port of a plain http server, or does a proxy or \
            firewall answer in its place?"
                .into()
        }
        E::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::SupportedVersionsExtensionRequired,
        ) => OLD_VERSION.into(),
        E::PeerIncompatible(why) => {
            format!("the server and this library have too little in common ({why:?}): {UPDATE}").into()
        }
        E::NoCertificatesPresented => "the server sent no certificate: its TLS setup is broken".into(),
        other => format!("{other}: the server's TLS is broken, or something between changes what it sends").into(),
    }
}

const OLD_VERSION: &str =
    "the server speaks only TLS 1.1 or older, and this library TLS 1.2 and 1.3: the server must be updated";
const UPDATE: &str = "the server must offer TLS 1.2 or 1.3 with current ciphers";

fn explain_certificate(error: &CertificateError) -> Cow<'static, str> {
    use CertificateError as E;
    match error {
        E::ExpiredContext { time, not_after } => {
            let (end, now) = (date(*not_after), date(*time));
            format!(
                "the server's certificate ended on {end} and this machine's clock says {now}: the server must renew \
                 it, if the clock is right"
            )
            .into()
        }
        E::NotValidYetContext { time, not_before } => {
            let (begin, now) = (date(*not_before), date(*time));
            format!(
                "the server's certificate is not yet valid: it begins on {begin} and this machine's clock says {now}: \
                 set the clock, if it is wrong"
            )
            .into()
        }
        E::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "the server's certificate names no host (a common name does not count, there must be a subjectAltName): \
             the server needs another"
                .into()
        }
        E::NotValidForNameContext { presented, .. } => {
            let names = names(presented);
            format!(
                "the server's certificate is for {names}, not for the host in token_url: correct token_url, or the \
                 server needs another certificate"
            )
            .into()
        }
        E::UnknownIssuer => "the server's certificate comes from nobody who is trusted here: if it is self-signed or \
            from a private CA, name that CA's file in ca_file; else the server leaves out its \
            intermediate certificate, or a proxy intercepts TLS"
            .into(),
        E::BadSignature => {
            "the server's certificate carries a signature that is not its issuer's: ca_file may hold an \
            old certificate of the CA, or something intercepts TLS"
                .into()
        }
        E::Revoked => "the server's certificate is revoked: the server must replace it".into(),
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            "the server's certificate is not made for servers (its extended key usage lacks serverAuth): the server \
             needs another"
                .into()
        }
        E::UnsupportedSignatureAlgorithmContext { .. } | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "the server's certificate is signed in a way that is too weak or too rare (SHA-1, RSA below 2048 bits, …): \
             the server needs another"
                .into()
        }
        E::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "the server shows a CA's certificate as its own (self-signed, as `openssl req -x509` makes it): make it \
             with basicConstraints=CA:FALSE, or let that CA sign one for the server"
                .into()
        }
        other => {
            let why = truncate(&other.to_string());
            format!("the server's certificate cannot be used ({why}): the server needs another").into()
        }
    }
}

fn explain_alert(alert: AlertDescription) -> Cow<'static, str> {
    use AlertDescription as A;
    match alert {
        A::ProtocolVersion => OLD_VERSION.into(),
        A::HandshakeFailure | A::InsufficientSecurity => format!(
            "the server refused the handshake: it may want a client certificate (client_cert_file), else {UPDATE}"
        )
        .into(),
        A::CertificateRequired | A::NoCertificate => {
            "the server wants a client certificate: set client_cert_file and client_key_file".into()
        }
        A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateRevoked
        | A::CertificateExpired
        | A::CertificateUnknown
        | A::UnknownCA
        | A::AccessDenied
        | A::DecryptError => format!(
            "the server refused our client certificate ({alert:?}): check client_cert_file, that it holds the whole \
             chain, and whom the server trusts; without one set, the server wants one"
        )
        .into(),
        A::UnrecognisedName => "the server knows no host of this name: check the host in token_url".into(),
        other => format!("the server broke off the handshake (alert {other:?}): ask whoever runs it").into(),
    }
}

fn date(time: UnixTime) -> String {
    // Beyond the year 9999 there is no date to print.
    let seconds = Duration::from_secs(time.as_secs().min(253_402_300_799));
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + seconds)
}

/// The names of a certificate, as the parser renders them (`DnsName("a.example")`), the first few.
fn names(presented: &[String]) -> String {
    let plain = |name: &String| truncate(name.split('"').nth(1).unwrap_or(name));
    let mut listed = presented.iter().take(4).map(plain).collect::<Vec<_>>().join(", ");
    if presented.len() > 4 {
        listed.push_str(", …");
    }
    listed
}

/// Text that the server chose, made fit to print.
fn truncate(text: &str) -> String {
    text.chars().take(100).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}
