//! The credentials of a client and of its grant: each is text, or a file that is read again at each fetch.
//!
//! Whatever a path names, reading it must not hang nor take memory without bound, and every buffer is wiped. This file must
//! not decide which credentials a client needs: `authentication.rs` does.

use crate::{
    config::parsers::{self, LONGEST_VALUE},
    error::{Error, ErrorKind},
    jose::{SigningAlgorithm, SigningCertificate, SigningKey},
    redact::truncate,
    secret::Secret,
    system::{self, FileState, Stamp, TOO_MANY_FILES, WatchedFile},
};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The credentials of a client and of its grant. None is one that is not set. Those that few clients have are boxed: a
/// program may have thousands of sources.
#[derive(Debug, Default)]
pub(crate) struct ClientCredentials {
    pub(crate) id: Option<TextOrFile>,
    pub(crate) secret: Option<TextOrFile>,
    /// Some if this library signs.
    pub(crate) signer: Option<Box<SignerCredentials>>,
    pub(crate) client_assertion: Option<Box<TextOrFile>>,
    pub(crate) assertion: Option<Box<TextOrFile>>,
    pub(crate) subject_token: Option<Box<TextOrFile>>,
    pub(crate) refresh_token: Option<Box<TextOrFile>>,
    /// The id is sent in front of a colon (RFC 7617).
    pub(crate) id_ends_at_colon: bool,
}

/// What signs assertions, and what must fit it.
#[derive(Debug)]
pub(crate) struct SignerCredentials {
    /// None if the client secret signs.
    pub(crate) key: Option<TextOrFile>,
    /// The option that names the key or the secret.
    pub(crate) named_by: &'static str,
    /// The key's id, which chooses in a JWK Set.
    pub(crate) key_id: Option<String>,
    pub(crate) algorithm: Option<SigningAlgorithm>,
    pub(crate) certificate: Option<TextOrFile>,
    /// No option names the issuer of the grant's assertion, so that the key must (a Google service account).
    pub(crate) key_names_issuer: bool,
}

/// The credentials of one fetch.
pub(crate) struct CredentialTexts {
    pub(crate) id: Option<Secret>,
    pub(crate) secret: Option<Secret>,
    /// What signs: the key, or the client secret. It fits the algorithm and the certificate.
    pub(crate) key: Option<SigningKey>,
    pub(crate) certificate: Option<SigningCertificate>,
    pub(crate) client_assertion: Option<Secret>,
    pub(crate) assertion: Option<Secret>,
    pub(crate) subject_token: Option<Secret>,
    pub(crate) refresh_token: Option<Secret>,
}

#[derive(Debug)]
pub(crate) enum TextOrFile {
    Text(Secret),
    /// A file of one line: an absolute path, the option that named it, and what the line is.
    File {
        path: PathBuf,
        named_by: &'static str,
        what: &'static str,
    },
    /// A file of any number of lines.
    Document {
        path: PathBuf,
        named_by: &'static str,
        /// What is wrong with bytes that are no text.
        not_text: &'static str,
    },
}

impl ClientCredentials {
    /// Reads the credentials, and returns them with the files that were read. It reads all files once more if one has changed
    /// meanwhile, so that an id and a secret that are replaced together fit. An error names what is wrong with each.
    pub(crate) fn read(&self) -> (Vec<WatchedFile>, Result<CredentialTexts, Error>) {
        let (files, texts) = self.read_once();
        #[cfg(test)]
        if let Some(meanwhile) = MEANWHILE.take() {
            meanwhile();
        }
        if files.iter().any(WatchedFile::has_changed) { self.read_once() } else { (files, texts) }
    }

    fn read_once(&self) -> (Vec<WatchedFile>, Result<CredentialTexts, Error>) {
        let mut reading = Reading::default();
        let (id, secret) = (reading.text(self.id.as_ref()), reading.text(self.secret.as_ref()));
        let (key, certificate) = match &self.signer {
            Some(signer) => signer.read(&mut reading, secret.as_ref()),
            None => (None, None),
        };
        let texts = CredentialTexts {
            id,
            secret,
            key,
            certificate,
            client_assertion: reading.text(self.client_assertion.as_deref()),
            assertion: reading.text(self.assertion.as_deref()),
            subject_token: reading.text(self.subject_token.as_deref()),
            refresh_token: reading.text(self.refresh_token.as_deref()),
        };
        if let (true, Some(source), Some(id)) = (self.id_ends_at_colon, &self.id, &texts.id) {
            reading.check(if id.expose().contains(':') { Err(source.cannot_have_colon()) } else { Ok(()) });
        }
        reading.end(texts)
    }
}

impl SignerCredentials {
    /// Reads the key and its certificate. A key that cannot sign as the options say is an error.
    fn read(&self, reading: &mut Reading, secret: Option<&Secret>) -> (Option<SigningKey>, Option<SigningCertificate>) {
        let key = match &self.key {
            None => secret.map(|secret| SigningKey::of_secret(secret, self.key_id.as_deref())),
            Some(source) => reading.text(Some(source)).and_then(|key| {
                let key = SigningKey::read(key.expose(), self.key_id.as_deref(), self.algorithm);
                reading.check(key.map_err(|wrong| source.unusable_as(self.named_by, &wrong)))
            }),
        };
        let certificate = self.certificate.as_ref().and_then(|source| {
            let certificate = reading.text(Some(source))?;
            let certificate = SigningCertificate::read(certificate.expose());
            reading.check(certificate.map_err(|wrong| source.unusable(&wrong)))
        });
        let Some(key) = key else { return (None, certificate) };
        reading.check(key.algorithm(self.algorithm, self.named_by).map_err(invalid));
        if certificate.as_ref().is_some_and(|certificate| !certificate.fits(&key)) {
            let named_by = self.named_by;
            let foreign = format!("signing_cert_file is not the certificate of the key in {named_by}");
            reading.errors.push(invalid(foreign));
        }
        if self.key_names_issuer && key.client_email().is_none() {
            reading.errors.push(invalid("the assertion has no iss: set client_id or claim.iss"));
        }
        (Some(key), certificate)
    }
}

impl ClientCredentials {
    /// Signs once. A key that contradicts itself shows only then, and ring prepares itself before any fork of the process.
    pub(crate) fn try_to_sign(&self, texts: &CredentialTexts) -> Result<(), Error> {
        let (Some(signer), Some(key)) = (&self.signer, &texts.key) else { return Ok(()) };
        let algorithm = key.algorithm(signer.algorithm, signer.named_by).map_err(invalid)?;
        let signed = key.sign(algorithm, b"tokensource");
        signed.map(drop).map_err(|error| match &signer.key {
            Some(source) => source.unusable_as(signer.named_by, error.message()),
            None => error,
        })
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}

/// What the reading of the files has found so far.
#[derive(Default)]
struct Reading {
    files: Vec<WatchedFile>,
    errors: Vec<Error>,
}

impl Reading {
    fn text(&mut self, source: Option<&TextOrFile>) -> Option<Secret> {
        let (file, text) = source?.read();
        self.files.extend(file);
        self.check(text)
    }

    fn check<T>(&mut self, part: Result<T, Error>) -> Option<T> {
        part.map_err(|error| self.errors.push(error)).ok()
    }

    /// Returns the files with the texts, or with one error that reports all that is wrong.
    fn end<T>(self, texts: T) -> (Vec<WatchedFile>, Result<T, Error>) {
        let Self { files, errors } = self;
        if errors.is_empty() {
            return (files, Ok(texts));
        }
        let messages: Vec<_> = errors.iter().map(Error::message).collect();
        let error = Error::new(ErrorKind::InvalidConfig, messages.join("; "));
        let all_are_transient = errors.iter().all(Error::is_transient);
        (files, Err(if all_are_transient { error.retryable() } else { error }))
    }
}

impl TextOrFile {
    /// Reads the text, and returns it with the state of the very file that was read: if that state differs later, a retry
    /// may succeed. There is no file if this is text. An error names the option and the path. It is retryable only where the
    /// file is not at fault.
    pub(crate) fn read(&self) -> (Option<WatchedFile>, Result<Secret, Error>) {
        let (path, content) = match self {
            Self::Text(text) => return (None, Ok(text.clone())),
            Self::File { path, what, .. } => (path, Content::Line(what)),
            Self::Document { path, not_text, .. } => (path, Content::Document { not_text }),
        };
        let watched = |state| Some(WatchedFile { path: path.clone(), state });
        let (state, text) = match open(path) {
            Ok(file) => read(file, content),
            Err(error) if system::is_out_of_files(&error) => {
                let error = self.unusable(&format!("it cannot be read ({error}): {TOO_MANY_FILES}")).retryable();
                return (watched(FileState::at(path)), Err(error));
            }
            Err(error) => (FileState::at(path), Err(unreadable(&error))),
        };
        (watched(state), text.map_err(|wrong| self.unusable(&wrong)))
    }

    /// Returns the path, if this is a file.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Text(_) => None,
            Self::File { path, .. } | Self::Document { path, .. } => Some(path),
        }
    }

    fn cannot_have_colon(&self) -> Error {
        const INSTEAD: &str = "set basic_encoding=rfc6749 or auth_method=client_secret_post";
        match self {
            Self::Text(_) => Error::new(
                ErrorKind::InvalidConfig,
                format!("basic_encoding=raw cannot carry the colon in client_id (RFC 7617): {INSTEAD}"),
            ),
            Self::File { .. } | Self::Document { .. } => {
                self.unusable(&format!("it holds a colon, which basic_encoding=raw cannot carry (RFC 7617): {INSTEAD}"))
            }
        }
    }

    pub(crate) fn unusable(&self, wrong: &str) -> Error {
        invalid(match self {
            Self::Text(_) => wrong.to_owned(),
            Self::File { path, named_by, .. } | Self::Document { path, named_by, .. } => {
                format!("option {named_by}: {}: {wrong}", truncate(&path.to_string_lossy(), 500))
            }
        })
    }

    /// Returns the error for a text that an option holds itself, or names.
    fn unusable_as(&self, named_by: &str, wrong: &str) -> Error {
        match self {
            Self::Text(_) => invalid(format!("option {named_by}: {wrong}")),
            Self::File { .. } | Self::Document { .. } => self.unusable(wrong),
        }
    }
}

fn unreadable(error: &io::Error) -> String {
    format!("it cannot be read ({error}); check the path and its permissions")
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Opening a FIFO waits for a writer, and a terminal becomes this process's controlling terminal.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOCTTY);
    options.open(path)
}

/// What a file holds.
#[derive(Clone, Copy)]
enum Content<'a> {
    /// One line, called this.
    Line(&'a str),
    Document {
        not_text: &'a str,
    },
}

fn read(mut file: File, content: Content<'_>) -> (FileState, Result<Secret, String>) {
    let facts = match file.metadata() {
        Ok(facts) => facts,
        Err(error) => return (FileState::Missing, Err(unreadable(&error))),
    };
    let secret = if facts.is_file() { text_of(&mut file, content) } else { Err("it is not a regular file".into()) };
    (FileState::Seen(Stamp::of(&facts)), secret)
}

fn text_of(file: &mut impl Read, content: Content<'_>) -> Result<Secret, String> {
    // Full size from the start: a buffer that grows leaves copies of the secret behind.
    let mut buffer = Zeroizing::new(vec![0; LONGEST_VALUE + 1]);
    let mut length = 0;
    loop {
        match file.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(&error)),
        }
    }
    if length > LONGEST_VALUE {
        return Err("it is larger than 64 KiB".into());
    }
    let not_text = match content {
        Content::Line(_) => "it is not UTF-8",
        Content::Document { not_text } => not_text,
    };
    let mut text = std::str::from_utf8(&buffer[..length]).map_err(|_| not_text)?;
    if let Content::Line(_) = content {
        text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    }
    if text.is_empty() {
        return Err("it is empty".into());
    }
    if text.starts_with('\u{feff}') {
        return Err(parsers::BYTE_ORDER_MARK.into());
    }
    match content {
        Content::Line(what) => parsers::one_line(text, what),
        Content::Document { .. } => Ok(Secret::new(text)),
    }
}

#[cfg(test)]
thread_local! {
    /// What happens between the reading of the files and the look whether they have changed.
    static MEANWHILE: std::cell::Cell<Option<Box<dyn FnOnce()>>> = const { std::cell::Cell::new(None) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(bytes: &[u8]) -> Result<String, String> {
        text_of(&mut &*bytes, Content::Line("secret")).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn exactly_one_line_break_is_removed() {
        for file in ["hunter2", "hunter2\n", "hunter2\r\n"] {
            assert_eq!(read_from(file.as_bytes()), Ok("hunter2".into()));
        }
        assert_eq!(read_from(" ü\t \n".as_bytes()), Ok(" ü\t ".into()));
        for file in ["hunter2\n\n", "hunter2\r\n\r\n", "hunter2\r", "hunter2\n\r", "hunter2\r\r\n"] {
            assert_eq!(read_from(file.as_bytes()), Err("the secret ends in a line break: remove it".into()));
        }
    }

    #[test]
    fn a_file_that_is_not_one_line_of_text_is_rejected() {
        for file in ["", "\n", "\r\n"] {
            assert_eq!(read_from(file.as_bytes()), Err("it is empty".into()));
        }
        assert_eq!(read_from(b"a\nb\n"), Err("the secret holds a line break".into()));
        assert_eq!(read_from(b"a\0b"), Err("the secret holds a NUL".into()));
        assert_eq!(read_from(b"a\xff"), Err("it is not UTF-8".into()));
        assert_eq!(
            read_from("\u{feff}hunter2".as_bytes()),
            Err("it begins with a byte order mark: save it without one".into())
        );
    }

    #[test]
    fn a_file_may_have_64_kib_and_not_a_byte_more() {
        let file = vec![b'x'; LONGEST_VALUE + 1];
        assert_eq!(read_from(&file[1..]).unwrap().len(), LONGEST_VALUE);
        assert_eq!(read_from(&file), Err("it is larger than 64 KiB".into()));
        assert!(text_of(&mut io::repeat(b'x'), Content::Line("secret")).is_err());
    }

    #[test]
    fn a_document_is_text_of_any_lines_and_keeps_its_end() {
        let read = |bytes: &[u8]| {
            let text = text_of(&mut &*bytes, Content::Document { not_text: "it is no PEM" });
            text.map(|text| text.expose().to_owned())
        };
        for text in ["a\nb\n", "a\r\n\r\n", " ", "\n", "a\0"] {
            assert_eq!(read(text.as_bytes()), Ok(text.into()));
        }
        assert_eq!(read(b""), Err("it is empty".into()));
        assert_eq!(read(b"\x30\x82\xff"), Err("it is no PEM".into()));
        assert_eq!(read("\u{feff}a".as_bytes()), Err(parsers::BYTE_ORDER_MARK.into()));
        assert_eq!(read(&vec![b'x'; LONGEST_VALUE]).unwrap().len(), LONGEST_VALUE);
        assert_eq!(read(&vec![b'x'; LONGEST_VALUE + 1]), Err("it is larger than 64 KiB".into()));
    }

    #[test]
    fn each_file_that_is_read_is_watched() {
        let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys");
        let document = |name: &str, named_by| {
            Some(TextOrFile::Document { path: keys.join(name), named_by, not_text: "it is no PEM" })
        };
        let line = |named_by| {
            let (_, path) = at(named_by);
            std::fs::write(&path, named_by).unwrap();
            Some(TextOrFile::File { path, named_by, what: "token" })
        };
        let named = ["id", "secret", "client_assertion", "assertion", "subject_token", "refresh_token"];
        let mut credentials = ClientCredentials {
            id: line(named[0]),
            secret: line(named[1]),
            signer: Some(Box::new(SignerCredentials {
                key: document("p256.pem", "signing_key_file"),
                named_by: "signing_key_file",
                key_id: None,
                algorithm: None,
                certificate: document("p256-certificate.pem", "signing_cert_file"),
                key_names_issuer: false,
            })),
            client_assertion: line(named[2]).map(Box::new),
            assertion: line(named[3]).map(Box::new),
            subject_token: line(named[4]).map(Box::new),
            refresh_token: line(named[5]).map(Box::new),
            id_ends_at_colon: false,
        };
        let (files, texts) = credentials.read();
        let texts = texts.unwrap();
        let lines = [
            &texts.id,
            &texts.secret,
            &texts.client_assertion,
            &texts.assertion,
            &texts.subject_token,
            &texts.refresh_token,
        ];
        assert_eq!(lines.map(|text| text.as_ref().unwrap().expose()), named);
        assert!(texts.key.is_some() && texts.certificate.is_some());
        let mut watched: Vec<_> = files.iter().map(|file| file.path.clone()).collect();
        watched.sort();
        let paths = named.map(|name| at(name).1);
        let mut expected = [&paths[..], &[keys.join("p256.pem"), keys.join("p256-certificate.pem")]].concat();
        expected.sort();
        assert_eq!(watched, expected);
        credentials.try_to_sign(&texts).unwrap();
        // A key that is replaced by one that does not fit is noticed at the next fetch, and is watched.
        credentials.signer.as_mut().unwrap().key = document("p384.pem", "signing_key_file");
        let (files, error) = credentials.read();
        let error = error.err().unwrap();
        assert_eq!(error.message(), "signing_cert_file is not the certificate of the key in signing_key_file");
        assert_eq!((error.kind(), error.is_transient(), files.len()), (ErrorKind::InvalidConfig, false, 8));
        remove(&paths);
    }

    fn secret_in(path: impl Into<PathBuf>) -> TextOrFile {
        TextOrFile::File { path: path.into(), named_by: "client_secret_file", what: "secret" }
    }

    fn at(name: &str) -> (TextOrFile, PathBuf) {
        let path = std::env::temp_dir().join(format!("tks-secret-{}-{name}", std::process::id()));
        (secret_in(&path), path)
    }

    #[test]
    fn a_file_is_read_each_time_and_stamped() {
        let (secret, path) = at("read");
        std::fs::write(&path, "one\n").unwrap();
        let (first, text) = secret.read();
        assert_eq!(text.unwrap().expose(), "one");
        let state = |file: Option<WatchedFile>| file.unwrap().state;
        assert_eq!(first, Some(WatchedFile { path: path.clone(), state: FileState::at(&path) }));
        std::fs::write(&path, "two, longer\n").unwrap();
        let (second, text) = secret.read();
        assert_eq!(text.unwrap().expose(), "two, longer");
        assert_ne!(first, second);
        std::fs::remove_file(&path).unwrap();
        let (third, error) = secret.read();
        let error = error.unwrap_err();
        assert_eq!(
            (state(third), error.kind(), error.is_transient()),
            (FileState::Missing, ErrorKind::InvalidConfig, false)
        );
        assert!(error.message().starts_with(&format!("option client_secret_file: {}: ", path.display())), "{error}");
    }

    #[test]
    fn an_unusable_file_has_a_stamp_and_its_contents_are_not_shown() {
        let (secret, path) = at("unusable");
        std::fs::write(&path, "hunter2\nhunter3\n").unwrap();
        let (file, error) = secret.read();
        let state = file.unwrap().state;
        assert_eq!(state, FileState::at(&path));
        assert!(matches!(state, FileState::Seen(_)) && !error.unwrap_err().message().contains("hunter"));
        std::fs::remove_file(&path).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn only_a_regular_file_is_read_and_no_other_file_blocks() {
        let (secret, path) = at("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let (file, error) = secret.read();
        assert!(error.unwrap_err().message().ends_with("it is not a regular file"));
        assert_eq!(file.unwrap().state, FileState::at(&path));
        std::fs::remove_file(&path).unwrap();
        for path in ["/dev/null", "/dev/zero", "/"] {
            let (_, error) = secret_in(path).read();
            assert!(error.unwrap_err().message().ends_with("it is not a regular file"), "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_is_shown_in_one_line() {
        let (_, error) = secret_in("/nowhere/a\nb").read();
        assert!(!error.unwrap_err().message().contains('\n'));
    }

    #[test]
    fn a_secret_as_text_uses_no_file() {
        let (file, text) = TextOrFile::Text(Secret::new("hunter2")).read();
        assert_eq!((file, text.unwrap().expose()), (None, "hunter2"));
    }

    /// Returns credentials in two files, and the paths of the files.
    fn two_files(name: &str) -> (ClientCredentials, [PathBuf; 2]) {
        let ((_, id), (secret, secret_path)) = (at(&format!("{name}-id")), at(&format!("{name}-secret")));
        let id_file = TextOrFile::File { path: id.clone(), named_by: "client_id_file", what: "id" };
        (ClientCredentials { id: Some(id_file), secret: Some(secret), ..Default::default() }, [id, secret_path])
    }

    fn write(paths: &[PathBuf; 2], texts: [&str; 2]) {
        for (path, text) in paths.iter().zip(texts) {
            std::fs::write(path, text).unwrap();
        }
    }

    fn remove(paths: &[PathBuf]) {
        paths.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    }

    fn texts(credentials: &ClientCredentials) -> [String; 2] {
        let texts = credentials.read().1.unwrap();
        [texts.id, texts.secret].map(|text| text.unwrap().expose().to_owned())
    }

    #[test]
    fn files_that_change_while_they_are_read_are_read_once_more() {
        let (credentials, paths) = two_files("pair");
        write(&paths, ["id-1\n", "secret-1\n"]);
        assert_eq!(texts(&credentials), ["id-1", "secret-1"]);
        let replaced = paths.clone();
        MEANWHILE.set(Some(Box::new(move || write(&replaced, ["another-2\n", "another-secret-2\n"]))));
        let (files, read) = credentials.read();
        let read = read.unwrap();
        assert_eq!([read.id.unwrap().expose(), read.secret.unwrap().expose()], ["another-2", "another-secret-2"]);
        assert_eq!(files.len(), 2);
        assert!(!files.iter().any(WatchedFile::has_changed));
        // One of them is enough, and a file that is missing for a moment is read too.
        for index in [0, 1] {
            std::fs::remove_file(&paths[index]).unwrap();
            let back = paths.clone();
            MEANWHILE.set(Some(Box::new(move || write(&back, ["id-3", "secret-3"]))));
            assert_eq!(texts(&credentials), ["id-3", "secret-3"]);
        }
        remove(&paths);
    }

    #[test]
    fn an_error_names_each_file_that_is_unusable_and_both_are_watched() {
        let (credentials, paths) = two_files("wrong");
        write(&paths, ["id\n", ""]);
        let (files, error) = credentials.read();
        let message = error.err().unwrap().message().to_owned();
        assert!(message.starts_with("option client_secret_file: ") && message.ends_with("it is empty"), "{message}");
        assert_eq!(files.len(), 2);
        write(&paths, ["a\nb", "a\nb"]);
        let message = credentials.read().1.err().unwrap().message().to_owned();
        assert!(message.starts_with("option client_id_file: "), "{message}");
        assert!(message.contains("the id holds a line break; option client_secret_file: "), "{message}");
        assert!(message.ends_with("the secret holds a line break"), "{message}");
        remove(&paths);
    }

    #[test]
    fn a_colon_in_the_id_is_checked_at_each_fetch() {
        let (mut credentials, paths) = two_files("colon");
        write(&paths, ["a:b", "c:d"]);
        assert_eq!(texts(&credentials), ["a:b", "c:d"]);
        credentials.id_ends_at_colon = true;
        let error = credentials.read().1.err().unwrap();
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::InvalidConfig, false));
        assert!(
            error.message().starts_with(&format!("option client_id_file: {}: it holds a colon", paths[0].display()))
        );
        write(&paths, ["ab", "c:d"]);
        assert_eq!(texts(&credentials), ["ab", "c:d"]);
        credentials.id = Some(TextOrFile::Text(Secret::new("a:b")));
        let error = credentials.read().1.err().unwrap();
        assert!(error.message().starts_with("basic_encoding=raw cannot carry the colon in client_id"), "{error}");
        remove(&paths);
    }
}
