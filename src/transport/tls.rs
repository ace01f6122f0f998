//! TLS: reads and checks certificates and keys, makes the handshake, and explains why one failed.
//!
//! It must not initialise anything under a lock, since a fork could leave the lock held in the child. Instead, two threads
//! that come first both load the certificates.

use super::connect::DeadlineStream;
use crate::{
    config::{Identity, Roots},
    error::{Error, ErrorKind},
    redact,
    system::{self, Stamp, TOO_MANY_FILES},
};
use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, InconsistentKeys, PeerIncompatible,
    RootCertStore, StreamOwned,
    client::Resumption,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use rustls_native_certs::CertificateResult;
use std::{
    borrow::Cow,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::{Duration, Instant, SystemTime},
};
use zeroize::Zeroizing;

/// The TLS setup of one source. Reads its files again when they have changed, since certificates rotate.
pub(super) struct Tls {
    trusted: TrustedRoots,
    identity: Option<Identity>,
    current: ArcSwap<Loaded>,
}

enum TrustedRoots {
    Fixed(Arc<RootCertStore>),
    File { path: PathBuf, named_by: &'static str },
}

/// A file that was read, and its stamp at that time.
type ReadFile = (PathBuf, Stamp);

struct Loaded {
    config: Arc<ClientConfig>,
    files: Vec<ReadFile>,
}

impl Tls {
    /// Loads the certificates and keys. The system's certificates take some milliseconds the first time in a process.
    pub(super) fn new(roots: &Roots, identity: Option<&Identity>) -> Result<Self, Error> {
        let trusted = match roots {
            Roots::Auto => TrustedRoots::Fixed(system_roots()?.unwrap_or_else(bundled_roots)),
            Roots::Bundled => TrustedRoots::Fixed(bundled_roots()),
            Roots::System => TrustedRoots::Fixed(system_roots()?.ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidConfig,
                    "ca is `system`, but this system has no root certificates: install them (often the package \
                     ca-certificates), or set ca to `auto` or `bundled`, or name a ca_file",
                )
            })?),
            Roots::File { path, named_by } => TrustedRoots::File { path: path.clone(), named_by },
        };
        let loaded = load(&trusted, identity)?;
        Ok(Self { trusted, identity: identity.cloned(), current: ArcSwap::from_pointee(loaded) })
    }

    /// Returns the setup for a new connection. Fails if a file has changed and is not usable any more.
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

fn load(trusted: &TrustedRoots, identity: Option<&Identity>) -> Result<Loaded, Error> {
    let mut files = Vec::new();
    let roots = match trusted {
        TrustedRoots::Fixed(roots) => Arc::clone(roots),
        TrustedRoots::File { path, named_by } => shared_roots(path, named_by, &mut files)?,
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
            builder
                .with_client_auth_cert(chain, key.private_key()?)
                .map_err(|error| unusable_identity(&error, &cert, &key))?
        }
    };
    // Tokens are fetched hours apart, so a session would have expired, and the session store has a lock.
    config.resumption = Resumption::disabled();
    Ok(Loaded { config: Arc::new(config), files })
}

fn unusable_identity(error: &rustls::Error, cert: &Pem, key: &Pem) -> Error {
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            key.unusable("does not belong to the certificate in client_cert_file: name the key that was made with it")
        }
        rustls::Error::InvalidCertificate(_) => cert.unusable("holds a certificate that cannot be read: replace it"),
        _ => key.unusable(
            "holds a key of a kind that is not supported: use RSA (2048 to 4096 bits), ECDSA (P-256, P-384) or Ed25519",
        ),
    }
}

/// Returns the system's root certificates, which are read once per process; None if there are none. Fails if the process has
/// no file descriptor left to open them: a fallback to other roots would last as long as the source.
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
        // Some systems have a certificate that cannot be parsed. The others are usable.
        store.add_parsable_certificates(found.certs);
    }
    Ok((!store.is_empty()).then(|| {
        let store = Arc::new(store);
        LOADED.store(Some(Arc::clone(&store)));
        store
    }))
}

/// Reads the directories where systems keep certificates, and ignores SSL_CERT_FILE and SSL_CERT_DIR: the result serves
/// every source of the process, and those variables may change.
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

/// Returns the certificates of a file. All sources that name the file share them while it is unchanged, since the list of a
/// system takes 90 kB.
pub(super) fn shared_roots(
    path: &Path,
    named_by: &'static str,
    files: &mut Vec<ReadFile>,
) -> Result<Arc<RootCertStore>, Error> {
    static SHARED: ArcSwapOption<Vec<(ReadFile, Weak<RootCertStore>)>> = ArcSwapOption::const_empty();
    if let (Some(shared), Some(stamp)) = (&*SHARED.load(), Stamp::at(path)) {
        let file = (path.to_owned(), stamp);
        if let Some(roots) = shared.iter().filter(|(known, _)| *known == file).find_map(|(_, roots)| roots.upgrade()) {
            files.push(file);
            return Ok(roots);
        }
    }
    let mut read = Vec::new();
    let roots = Arc::new(parse_roots(&Pem::read(path, named_by, &mut read)?)?);
    SHARED.rcu(|shared| {
        let alive = shared.iter().flat_map(|shared| shared.iter()).filter(|(_, roots)| roots.strong_count() > 0);
        let new = read.iter().map(|file| (file.clone(), Arc::downgrade(&roots)));
        Some(Arc::new(alive.cloned().chain(new).collect::<Vec<_>>()))
    });
    files.append(&mut read);
    Ok(roots)
}

fn parse_roots(pem: &Pem) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    for certificate in pem.certificates()? {
        store
            .add(certificate)
            .map_err(|_| pem.unusable("holds a certificate that cannot be read: remove it or replace it"))?;
    }
    Ok(store)
}

/// Four times the size of a system's whole list.
const FILE_LIMIT: u64 = 1 << 20;

/// A PEM file, and the option or variable that named it.
struct Pem {
    path: PathBuf,
    named_by: &'static str,
    text: Zeroizing<Vec<u8>>,
}

impl Pem {
    fn read(path: &Path, named_by: &'static str, files: &mut Vec<ReadFile>) -> Result<Self, Error> {
        let mut pem = Self { path: path.to_owned(), named_by, text: Zeroizing::default() };
        let unreadable = |error| pem.unusable(&format!("cannot be read ({error}): check the path and its permissions"));
        // Before it is opened, since opening a FIFO waits for a writer.
        if !fs::metadata(path).map_err(unreadable)?.is_file() {
            return Err(pem.unusable("is not a regular file: name a PEM file"));
        }
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let mut text = Zeroizing::new(Vec::with_capacity(metadata.len().min(FILE_LIMIT) as usize + 2));
        file.take(FILE_LIMIT + 1).read_to_end(&mut text).map_err(unreadable)?;
        if text.len() as u64 > FILE_LIMIT {
            return Err(pem.unusable("is larger than 1 MiB: name a PEM file with only what is needed"));
        }
        if text.is_empty() {
            return Err(pem.unusable("is empty: name a PEM file"));
        }
        pem.text = text;
        files.push((path.to_owned(), Stamp::of(&metadata)));
        Ok(pem)
    }

    /// Returns the certificates of the file, at least one.
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.text).collect();
        match found {
            Err(_) => Err(self.unusable("is broken PEM: copy it again or replace it")),
            Ok(found) if found.is_empty() => {
                Err(self.unusable("holds no certificate: it must be PEM, with lines that say BEGIN CERTIFICATE"))
            }
            Ok(found) => Ok(found),
        }
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, Error> {
        if self.contains(b"ENCRYPTED") {
            return Err(
                self.unusable("is encrypted, and there is no option for a passphrase: decrypt it with `openssl pkey`")
            );
        }
        PrivateKeyDer::from_pem_slice(&self.text).map_err(|error| match error {
            rustls::pki_types::pem::Error::NoItemsFound => {
                self.unusable("holds no private key: it must be PEM, with a line that says BEGIN PRIVATE KEY")
            }
            _ => self.unusable("is broken PEM: copy it again or replace it"),
        })
    }

    fn contains(&self, word: &[u8]) -> bool {
        self.text.windows(word.len()).any(|window| window == word)
    }

    fn unusable(&self, why: &str) -> Error {
        let path = redact::truncate(&self.path.to_string_lossy(), 500);
        Error::new(ErrorKind::InvalidConfig, format!("the file \"{path}\" that {} names {why}", self.named_by))
    }
}

/// A TLS connection, which sends close_notify when it is dropped.
pub(super) struct TlsStream(StreamOwned<ClientConnection, DeadlineStream>);

impl TlsStream {
    /// Makes the handshake. An error of TLS itself is inside the error of reading or writing.
    pub(super) fn handshake(
        mut stream: DeadlineStream,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            if connection.complete_io(&mut stream)? == (0, 0) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Self(StreamOwned::new(connection, stream)))
    }

    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.0.sock.deadline = deadline;
    }
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        self.0.conn.send_close_notify();
        // Best effort: the response is already complete.
        let _ = self.0.conn.write_tls(&mut self.0.sock);
    }
}

/// Returns what is wrong and what to do. The text completes "TLS with the server failed; …".
pub(super) fn explain(error: &rustls::Error) -> Cow<'static, str> {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(error) => explain_certificate(error),
        E::AlertReceived(alert) => explain_alert(*alert),
        E::InvalidMessage(_) => {
            "what came back is not TLS: is this the port of a plain http server, or does a proxy or \
            firewall respond in its place?"
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
        other => format!("{other}: the server's TLS is broken, or a middlebox changes what it sends").into(),
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
                "the server's certificate expired on {end} and this machine's clock says {now}: the server must renew \
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
            let names = certificate_names(presented);
            format!(
                "the server's certificate is for {names}, not for the host in token_url: correct token_url, or the \
                 server needs another certificate"
            )
            .into()
        }
        E::UnknownIssuer => "the server's certificate is not signed by a trusted CA: if it is self-signed or \
            from a private CA, name that CA's file in ca_file; else the server leaves out its \
            intermediate certificate, or a proxy intercepts TLS"
            .into(),
        E::BadSignature => {
            "the server's certificate carries a signature that is not its issuer's: ca_file may hold an \
            old certificate of the CA, or a proxy intercepts TLS"
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
            "the server presents a CA certificate as its own (self-signed, as `openssl req -x509` makes it): make it \
             with basicConstraints=CA:FALSE, or let that CA sign one for the server"
                .into()
        }
        other => {
            let why = printable(&other.to_string());
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
            "the server refused the client certificate ({alert:?}): check client_cert_file, that it holds the whole \
             chain, and which CAs the server trusts; without one set, the server wants one"
        )
        .into(),
        A::UnrecognisedName => "the server knows no host of this name: check the host in token_url".into(),
        other => format!("the server broke off the handshake (alert {other:?}): ask its operator").into(),
    }
}

fn date(time: UnixTime) -> String {
    // An HTTP date ends with the year 9999.
    let seconds = Duration::from_secs(time.as_secs().min(253_402_300_799));
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + seconds)
}

/// Returns the first few names of a certificate, from the parser's format (`DnsName("a.example")`).
fn certificate_names(presented: &[String]) -> String {
    let plain = |name: &String| printable(name.split('"').nth(1).unwrap_or(name));
    let mut listed = presented.iter().take(4).map(plain).collect::<Vec<_>>().join(", ");
    if presented.len() > 4 {
        listed.push_str(", …");
    }
    listed
}

/// Shortens text that the server chose and replaces characters that are not printable ASCII.
fn printable(text: &str) -> String {
    text.chars().take(100).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}
