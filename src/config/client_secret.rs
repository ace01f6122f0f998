//! The client secret: text, or a file that is read again at each fetch.
//!
//! Reading must not hang and must not take unbounded memory, whatever the path names. Every buffer is wiped.

use crate::{
    config::values::{self, LONGEST_VALUE},
    error::{Error, ErrorKind},
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

#[derive(Debug)]
pub(crate) enum ClientSecret {
    Text(Secret),
    /// Absolute; read at each fetch.
    File(PathBuf),
}

impl ClientSecret {
    /// Reads the secret, and returns it with the state of the very file that was read: if that state differs later, a retry
    /// may succeed. There is no file if the secret is text. An error names the option and the path. It is retryable only where the file is not at fault.
    pub(crate) fn read(&self) -> (Option<WatchedFile>, Result<Secret, Error>) {
        let path = match self {
            Self::Text(secret) => return (None, Ok(secret.clone())),
            Self::File(path) => path,
        };
        let unusable = |wrong: String| {
            let path = truncate(&path.to_string_lossy(), 500);
            Error::new(ErrorKind::InvalidConfig, format!("option client_secret_file: {path}: {wrong}"))
        };
        let watched = |state| Some(WatchedFile { path: path.clone(), state });
        let (state, secret) = match open(path) {
            Ok(file) => read(file),
            Err(error) if system::is_out_of_files(&error) => {
                let error = unusable(format!("it cannot be read ({error}): {TOO_MANY_FILES}")).retryable();
                return (watched(FileState::at(path)), Err(error));
            }
            Err(error) => (FileState::at(path), Err(unreadable(&error))),
        };
        (watched(state), secret.map_err(unusable))
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

fn read(mut file: File) -> (FileState, Result<Secret, String>) {
    let facts = match file.metadata() {
        Ok(facts) => facts,
        Err(error) => return (FileState::Missing, Err(unreadable(&error))),
    };
    let secret = if facts.is_file() { text_of(&mut file) } else { Err("it is not a regular file".into()) };
    (FileState::Seen(Stamp::of(&facts)), secret)
}

fn text_of(file: &mut impl Read) -> Result<Secret, String> {
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
    let text = std::str::from_utf8(&buffer[..length]).map_err(|_| "it is not UTF-8")?;
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if text.is_empty() {
        return Err("it is empty".into());
    }
    // Some editors write one before any text in UTF-8, and no editor shows it.
    if text.starts_with('\u{feff}') {
        return Err("it begins with a byte order mark: save it without one".into());
    }
    values::client_secret(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(bytes: &[u8]) -> Result<String, String> {
        text_of(&mut &*bytes).map(|secret| secret.expose().to_owned())
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
        assert!(text_of(&mut io::repeat(b'x')).is_err());
    }

    fn at(name: &str) -> (ClientSecret, PathBuf) {
        let path = std::env::temp_dir().join(format!("tks-secret-{}-{name}", std::process::id()));
        (ClientSecret::File(path.clone()), path)
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
            (state(third), error.kind(), error.is_retryable()),
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
            let (_, error) = ClientSecret::File(path.into()).read();
            assert!(error.unwrap_err().message().ends_with("it is not a regular file"), "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_is_shown_in_one_line() {
        let (_, error) = ClientSecret::File("/nowhere/a\nb".into()).read();
        assert!(!error.unwrap_err().message().contains('\n'));
    }

    #[test]
    fn a_secret_as_text_uses_no_file() {
        let (file, text) = ClientSecret::Text(Secret::new("hunter2")).read();
        assert_eq!((file, text.unwrap().expose()), (None, "hunter2"));
    }
}
