//! TLS: reads and checks certificates and keys, makes the handshake, and explains why one failed.
//!
//! It must not initialise anything under a lock, since a fork could leave the lock held in the child. Instead, two threads
//! that come first both load the certificates.

use super::connect::Connection;
use crate::{
    config::{Identity, Roots},
    error::{Error, ErrorKind},
    pem, redact,
    system::{self, FileState, Stamp, TOO_MANY_FILES, WatchedFile},
    x509::Certificate,
};
use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, PeerIncompatible,
    RootCertStore, SignatureScheme, StreamOwned,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
    sign::{CertifiedKey, SingleCertAndKey},
};
use rustls_native_certs::CertificateResult;
use std::{
    borrow::Cow,
    collections::BTreeSet,
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
    /// The files of the last attempt to load, if it failed.
    failed_with: ArcSwapOption<Vec<WatchedFile>>,
}

enum TrustedRoots {
    Fixed(Arc<RootCertStore>),
    Named(Vec<RootSource>),
}

/// A file or directory of certificate authorities, and the option or variable that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RootSource {
    pub(super) path: PathBuf,
    pub(super) named_by: &'static str,
    pub(super) is_directory: bool,
}

/// How the connections of one request are secured.
#[derive(Clone)]
pub(super) struct Setup {
    /// To the server, with the client certificate if there is one.
    pub(super) server: Arc<ClientConfig>,
    /// To a proxy, which gets no client certificate.
    pub(super) proxy: Arc<ClientConfig>,
}

struct Loaded {
    setup: Setup,
    /// The certificates that are named, if they are: here, so that other sources can share them.
    roots: Option<Arc<NamedRoots>>,
    identity_files: Vec<WatchedFile>,
}

impl Tls {
    /// Loads the certificates and keys. The system's certificates take some milliseconds the first time in a process.
    pub(super) fn new(roots: &Roots, identity: Option<&Identity>) -> Result<Self, Error> {
        let file = |path: &PathBuf, named_by| RootSource { path: path.clone(), named_by, is_directory: false };
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
            Roots::File { path, named_by } => TrustedRoots::Named(vec![file(path, named_by)]),
            Roots::Environment { file: path, directories } => {
                let directory = |path: &PathBuf| RootSource { is_directory: true, ..file(path, "SSL_CERT_DIR") };
                let file = path.iter().map(|path| file(path, "SSL_CERT_FILE"));
                TrustedRoots::Named(file.chain(directories.iter().map(directory)).collect())
            }
        };
        let loaded = load(&trusted, identity, &mut Vec::new())?;
        let identity = identity.cloned();
        Ok(Self { trusted, identity, current: ArcSwap::from_pointee(loaded), failed_with: ArcSwapOption::empty() })
    }

    /// Returns the setup for a new connection. Fails if a file has changed and is not usable any more.
    pub(super) fn current(&self) -> Result<Setup, Error> {
        let loaded = self.current.load();
        if !loaded.files().any(WatchedFile::has_changed) {
            self.failed_with.store(None);
            return Ok(loaded.setup.clone());
        }
        let mut read = Vec::new();
        let loaded = match load(&self.trusted, self.identity.as_ref(), &mut read) {
            Ok(loaded) => Arc::new(loaded),
            Err(error) => {
                self.failed_with.store(Some(Arc::new(read)));
                return Err(error);
            }
        };
        self.failed_with.store(None);
        self.current.store(Arc::clone(&loaded));
        Ok(loaded.setup.clone())
    }

    /// Returns the files that the last call of [`current`](Self::current) read, in the state in which they were read.
    pub(super) fn watched_files(&self) -> Vec<WatchedFile> {
        match &*self.failed_with.load() {
            Some(files) => files.to_vec(),
            None => self.current.load().files().cloned().collect(),
        }
    }
}

impl Loaded {
    fn files(&self) -> impl Iterator<Item = &WatchedFile> {
        self.roots.iter().flat_map(|roots| &roots.files).chain(&self.identity_files)
    }
}

/// Loads all files, and loads them once more if one has changed meanwhile. So a certificate and its key that are replaced one
/// after the other, or by a link that is swapped, fit together.
fn load(trusted: &TrustedRoots, identity: Option<&Identity>, read: &mut Vec<WatchedFile>) -> Result<Loaded, Error> {
    let loaded = load_once(trusted, identity, read);
    if !read.iter().any(WatchedFile::has_changed) {
        return loaded;
    }
    read.clear();
    load_once(trusted, identity, read)
}

/// `read` receives each file, also where the result is an error.
fn load_once(
    trusted: &TrustedRoots,
    identity: Option<&Identity>,
    read: &mut Vec<WatchedFile>,
) -> Result<Loaded, Error> {
    let named = match trusted {
        TrustedRoots::Fixed(_) => None,
        TrustedRoots::Named(sources) => Some(shared_roots(sources, read)?),
    };
    let roots = match (trusted, &named) {
        (TrustedRoots::Fixed(roots), _) => roots,
        (TrustedRoots::Named(_), named) => &named.as_ref().expect("the named roots").store,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| Error::new(ErrorKind::Internal, format!("TLS cannot be set up: {error}")))?;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Internal, format!("TLS cannot be set up: {error}")))?;
    let builder = match named.as_ref().filter(|named| !named.own_certificates.is_empty()) {
        None => builder.with_webpki_verifier(verifier),
        Some(named) => {
            let own = Arc::new(OwnCertificates { verifier, roots: Arc::clone(named) });
            builder.dangerous().with_custom_certificate_verifier(own)
        }
    };
    let before = read.len();
    // Tokens are fetched hours apart, so a session would have expired, and the session store has a lock.
    let without_sessions = |mut config: ClientConfig| {
        config.resumption = Resumption::disabled();
        Arc::new(config)
    };
    let proxy = without_sessions(builder.clone().with_no_client_auth());
    let server = match identity {
        None => Arc::clone(&proxy),
        Some(identity) => {
            let cert = Pem::read(&identity.cert, "client_cert_file", read);
            #[cfg(test)]
            if let Some(meanwhile) = MEANWHILE.take() {
                meanwhile();
            }
            let key = Pem::read(&identity.key, "client_key_file", read);
            let certified = certified_key(&cert?, &key?, &provider)?;
            without_sessions(builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified))))
        }
    };
    Ok(Loaded { setup: Setup { server, proxy }, roots: named, identity_files: read[before..].to_vec() })
}

#[cfg(test)]
thread_local! {
    /// What happens once, after the certificate was read and before its key is.
    pub(super) static MEANWHILE: std::cell::Cell<Option<Box<dyn FnOnce()>>> = const { std::cell::Cell::new(None) };
}

/// Returns the client certificate with its key. Any certificate is sent that is one, also of version 1: what it must be is
/// for the server to say.
fn certified_key(cert: &Pem, key: &Pem, provider: &CryptoProvider) -> Result<CertifiedKey, Error> {
    let chain = cert.certificates()?;
    let Some(certificate) = chain.first().and_then(|der| Certificate::parse(der)) else {
        return Err(cert.unusable("holds a certificate that cannot be read: replace it"));
    };
    let signing_key = provider.key_provider.load_private_key(key.private_key()?).map_err(|_| {
        key.unusable(
            "holds a key of a kind that is not supported: use RSA (2048 to 4096 bits), ECDSA (P-256, P-384) or Ed25519",
        )
    })?;
    if signing_key.public_key().is_some_and(|public_key| !certificate.has_key(&public_key)) {
        return Err(
            key.unusable("does not belong to the certificate in client_cert_file: name the key that was made with it")
        );
    }
    Ok(CertifiedKey::new(chain, signing_key))
}

/// Accepts also a self-signed certificate of a server that is itself in ca_file, as `openssl req -x509` makes it: marked as
/// that of a CA, which webpki accepts of no server. Dates, host name and key usage must hold as for any other.
#[derive(Debug)]
struct OwnCertificates {
    verifier: Arc<WebPkiServerVerifier>,
    roots: Arc<NamedRoots>,
}

impl ServerCertVerifier for OwnCertificates {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // webpki checks the dates before it reports this, and the key usage after.
            Err(rustls::Error::InvalidCertificate(error))
                if is_ca_used_as_server(&error) && self.roots.own_certificates.contains(end_entity) =>
            {
                match Certificate::parse(end_entity) {
                    Some(parsed) if !parsed.is_self_issued() => Err(error.into()),
                    Some(parsed) if parsed.is_for_servers() => {
                        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                        Ok(ServerCertVerified::assertion())
                    }
                    _ => Err(CertificateError::InvalidPurpose.into()),
                }
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

fn is_ca_used_as_server(error: &CertificateError) -> bool {
    matches!(error, CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity"))
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

/// The certificates of named files and directories.
#[derive(Debug)]
pub(super) struct NamedRoots {
    sources: Vec<RootSource>,
    store: Arc<RootCertStore>,
    /// The certificates of the option ca_file as they are: a server may show one of them.
    own_certificates: Vec<CertificateDer<'static>>,
    files: Vec<WatchedFile>,
}

/// Returns the certificates of the sources. All token sources that name the same files share them while those are unchanged,
/// since the list of a system takes 90 kB. `read` receives the files, also where the result is an error.
pub(super) fn shared_roots(sources: &[RootSource], read: &mut Vec<WatchedFile>) -> Result<Arc<NamedRoots>, Error> {
    static SHARED: ArcSwapOption<Vec<Weak<NamedRoots>>> = ArcSwapOption::const_empty();
    let shared = SHARED.load_full();
    let known = shared.iter().flat_map(|shared| shared.iter()).filter_map(Weak::upgrade);
    for roots in known.filter(|roots| roots.sources == sources) {
        if !roots.files.iter().any(WatchedFile::has_changed) {
            read.extend(roots.files.iter().cloned());
            return Ok(roots);
        }
    }
    let before = read.len();
    let mut roots = named_roots(sources, read)?;
    roots.files = read[before..].to_vec();
    let roots = Arc::new(roots);
    SHARED.rcu(|shared| {
        let alive = shared.iter().flat_map(|shared| shared.iter()).filter(|roots| roots.strong_count() > 0);
        Some(Arc::new(alive.cloned().chain([Arc::downgrade(&roots)]).collect::<Vec<_>>()))
    });
    Ok(roots)
}

fn named_roots(sources: &[RootSource], read: &mut Vec<WatchedFile>) -> Result<NamedRoots, Error> {
    let mut store = RootCertStore::empty();
    let mut own_certificates = Vec::new();
    for source in sources.iter().filter(|source| !source.is_directory) {
        let pem = Pem::read(&source.path, source.named_by, read)?;
        for certificate in pem.certificates()? {
            store
                .add(certificate.clone())
                .map_err(|_| pem.unusable("holds a certificate that cannot be read: remove it or replace it"))?;
            if source.named_by == "ca_file" {
                own_certificates.push(certificate);
            }
        }
    }
    let mut known = BTreeSet::new();
    let mut failure = None;
    for source in sources.iter().filter(|source| source.is_directory) {
        match directory_certificates(source, read) {
            Ok(found) => {
                // A directory often has each certificate under several names.
                store.add_parsable_certificates(found.into_iter().filter(|found| known.insert(found.to_vec())));
            }
            Err(error) => failure = Some(error),
        }
    }
    if store.is_empty() {
        let directory = sources.iter().find(|source| source.is_directory);
        return Err(failure
            .or(directory.map(|source| source.unusable("holds no certificate: name a directory of PEM files")))
            .unwrap_or_else(|| Error::new(ErrorKind::Internal, "no certificate authority is named")));
    }
    Ok(NamedRoots { sources: sources.to_vec(), store: Arc::new(store), own_certificates, files: Vec::new() })
}

/// The most files that are read in one directory.
const DIRECTORY_LIMIT: usize = 4096;

/// Returns the certificates in the files of a directory, whatever the files are called. A file without a certificate is
/// ignored, as OpenSSL does it.
fn directory_certificates(
    source: &RootSource,
    read: &mut Vec<WatchedFile>,
) -> Result<Vec<CertificateDer<'static>>, Error> {
    let unreadable =
        |error: io::Error| source.unusable(&format!("cannot be read ({error}): check the path and its permissions"));
    read.push(WatchedFile { path: source.path.clone(), state: FileState::at(&source.path) });
    let mut paths = Vec::new();
    for entry in fs::read_dir(&source.path).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
        if paths.len() > DIRECTORY_LIMIT {
            return Err(source.unusable("has more than 4096 files: name a directory with only certificates"));
        }
    }
    let mut found = Vec::new();
    for path in paths {
        let mut file = Vec::new();
        match Pem::read(&path, source.named_by, &mut file).and_then(|pem| pem.certificates()) {
            Ok(certificates) => {
                found.extend(certificates);
                read.append(&mut file);
            }
            Err(error) if error.is_transient() => return Err(error),
            Err(_) => {}
        }
    }
    Ok(found)
}

impl RootSource {
    fn unusable(&self, why: &str) -> Error {
        unusable(if self.is_directory { "directory" } else { "file" }, &self.path, self.named_by, why)
    }
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
    /// `read` receives the file, also where the result is an error.
    fn read(path: &Path, named_by: &'static str, read: &mut Vec<WatchedFile>) -> Result<Self, Error> {
        let place = read.len();
        read.push(WatchedFile { path: path.to_owned(), state: FileState::at(path) });
        let mut pem = Self { path: path.to_owned(), named_by, text: Zeroizing::default() };
        let unreadable = |error: io::Error| match system::is_out_of_files(&error) {
            true => pem.unusable(&format!("cannot be read ({error}): {TOO_MANY_FILES}")).retryable(),
            false => pem.unusable(&format!("cannot be read ({error}): check the path and its permissions")),
        };
        // Before it is opened, since opening a FIFO waits for a writer.
        if !fs::metadata(path).map_err(unreadable)?.is_file() {
            return Err(pem.unusable("is not a regular file: name a PEM file"));
        }
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        // That of the very file that is read.
        read[place].state = FileState::Seen(Stamp::of(&metadata));
        let mut text = Zeroizing::new(Vec::with_capacity(metadata.len().min(FILE_LIMIT) as usize + 2));
        file.take(FILE_LIMIT + 1).read_to_end(&mut text).map_err(unreadable)?;
        if text.len() as u64 > FILE_LIMIT {
            return Err(pem.unusable("is larger than 1 MiB: name a PEM file with only what is needed"));
        }
        if text.is_empty() {
            return Err(pem.unusable("is empty: name a PEM file"));
        }
        pem.text = text;
        Ok(pem)
    }

    /// Returns the certificates of the file, at least one.
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.text).collect();
        match found {
            Err(_) => Err(self.unusable(pem::BROKEN)),
            Ok(found) if found.is_empty() => {
                Err(self.unusable("holds no certificate: it must be PEM, with lines that say BEGIN CERTIFICATE"))
            }
            Ok(found) => Ok(found),
        }
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, Error> {
        if self.contains(b"ENCRYPTED") {
            return Err(self.unusable(pem::ENCRYPTED));
        }
        PrivateKeyDer::from_pem_slice(&self.text).map_err(|error| match error {
            rustls::pki_types::pem::Error::NoItemsFound => {
                self.unusable("holds no private key: it must be PEM, with a line that says BEGIN PRIVATE KEY")
            }
            _ => self.unusable(pem::BROKEN),
        })
    }

    fn contains(&self, word: &[u8]) -> bool {
        self.text.windows(word.len()).any(|window| window == word)
    }

    fn unusable(&self, why: &str) -> Error {
        unusable("file", &self.path, self.named_by, why)
    }
}

fn unusable(kind: &str, path: &Path, named_by: &str, why: &str) -> Error {
    let path = redact::truncate(&path.to_string_lossy(), 500);
    Error::new(ErrorKind::InvalidConfig, format!("the {kind} \"{path}\" that {named_by} names {why}"))
}

/// A TLS connection, which sends close_notify when it is dropped.
pub(super) struct TlsStream(StreamOwned<ClientConnection, Box<dyn Connection>>);

impl TlsStream {
    /// Makes the handshake. An error of TLS itself is inside the error of reading or writing.
    pub(super) fn handshake(
        mut stream: Box<dyn Connection>,
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
}

impl Connection for TlsStream {
    fn set_deadline(&mut self, deadline: Instant) {
        self.0.sock.set_deadline(deadline);
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

/// Returns what is wrong and what to do. The text completes "TLS with the server failed; …". `unread` are the variables that
/// name certificate authorities for other programs.
pub(super) fn explain(error: &rustls::Error, unread: &[&str]) -> Cow<'static, str> {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(error) if is_about_trust(error) && !unread.is_empty() => {
            let (variables, are) = (unread.join(" and "), if unread.len() == 1 { "is" } else { "are" });
            let why = explain_certificate(error);
            format!(
                "{why}; {variables} {are} set, which this library does not read (name that file in ca_file or \
                 SSL_CERT_FILE)"
            )
            .into()
        }
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

/// Does the same for TLS with a proxy, which `named_by` names.
pub(super) fn explain_for_proxy(error: &rustls::Error, unread: &[&str], named_by: &str) -> String {
    use AlertDescription as A;
    match error {
        rustls::Error::AlertReceived(A::CertificateRequired | A::NoCertificate | A::HandshakeFailure) => {
            "the proxy refused the handshake: it may want a client certificate, which this library shows to no proxy"
                .to_owned()
        }
        rustls::Error::AlertReceived(alert) => {
            format!("the proxy broke off the handshake (alert {alert:?}): ask its operator")
        }
        rustls::Error::InvalidMessage(_) => {
            format!("what came back is not TLS: name the proxy's port for TLS in {named_by}, or write http:// there")
        }
        error => explain(error, unread).replace("the server", "the proxy").replace("token_url", named_by),
    }
}

const OLD_VERSION: &str =
    "the server speaks only TLS 1.1 or older, and this library TLS 1.2 and 1.3: the server must be updated";
const UPDATE: &str = "the server must offer TLS 1.2 or 1.3 with current ciphers";

/// Returns whether other trusted certificate authorities could make the certificate acceptable.
fn is_about_trust(error: &CertificateError) -> bool {
    matches!(error, CertificateError::UnknownIssuer | CertificateError::BadSignature) || is_ca_used_as_server(error)
}

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
        error if is_ca_used_as_server(error) => {
            "the server presents a CA certificate as its own (self-signed, as `openssl req -x509` makes it): name a file \
             with this very certificate in ca_file, or make one with basicConstraints=CA:FALSE"
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
