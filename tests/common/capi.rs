//! Calls the shared library as another language does: loaded from its file, through the C ABI.
//!
//! It must not use the Rust interface. `TOKENSOURCE_LIBRARY` names another file than that of `make build`.

use super::build;
use std::{
    env,
    ffi::{CStr, CString, c_char, c_void},
    fmt,
    path::PathBuf,
    ptr,
    sync::LazyLock,
};
use tokensource_testserver::leak_log;

type Handle = *mut c_void;
type Text = *const c_char;

macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        struct Functions {
            $($name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Functions {
            fn load() -> Self {
                let file = env::var_os("TOKENSOURCE_LIBRARY")
                    .map_or_else(|| build::make("build").join("release/libtokensource.so"), PathBuf::from);
                // Never closed, because the functions are used until the test ends.
                let library = Box::leak(Box::new(unsafe { libloading::Library::new(&file) }.unwrap()));
                Self { $($name: *unsafe { library.get(stringify!($name).as_bytes()) }.unwrap(),)* }
            }
        }
    };
}

functions! {
    tks_status_name: fn(i32) -> Text;
    tks_config_new: fn() -> Handle;
    tks_config_set: fn(Handle, Text, Text, *mut Handle) -> i32;
    tks_config_free: fn(Handle);
    tks_source_new: fn(Handle, *mut Handle, *mut Handle) -> i32;
    tks_source_get: fn(Handle, *mut Handle, *mut Handle) -> i32;
    tks_source_get_within: fn(Handle, f64, *mut Handle, *mut Handle) -> i32;
    tks_source_generation: fn(Handle) -> u32;
    tks_source_invalidate: fn(Handle, Handle);
    tks_source_last_error: fn(Handle, *mut Handle) -> i32;
    tks_source_stat: fn(Handle, i32) -> u64;
    tks_source_close: fn(Handle);
    tks_source_free: fn(Handle);
    tks_token_access_token: fn(Handle) -> Text;
    tks_token_authorization: fn(Handle) -> Text;
    tks_token_type: fn(Handle) -> Text;
    tks_token_scope: fn(Handle) -> Text;
    tks_token_expires_at: fn(Handle) -> i64;
    tks_token_expires_in: fn(Handle) -> f64;
    tks_token_generation: fn(Handle) -> u32;
    tks_token_response: fn(Handle) -> Text;
    tks_token_free: fn(Handle);
    tks_error_status: fn(Handle) -> i32;
    tks_error_message: fn(Handle) -> Text;
    tks_error_oauth_error: fn(Handle) -> Text;
    tks_error_oauth_description: fn(Handle) -> Text;
    tks_error_oauth_uri: fn(Handle) -> Text;
    tks_error_http_status: fn(Handle) -> i32;
    tks_error_retry_after: fn(Handle) -> f64;
    tks_error_is_transient: fn(Handle) -> i32;
    tks_error_free: fn(Handle);
}

static LIBRARY: LazyLock<Functions> = LazyLock::new(Functions::load);

const OK: i32 = 0;
const PENDING: i32 = 10;

/// The arguments of `Source::stat`.
pub const REQUESTS: i32 = 1;
pub const FAILURES: i32 = 2;
pub const TOKENS: i32 = 3;
pub const WAITS: i32 = 4;

/// A handle, which is freed with the function of its type on drop.
struct Owned(Handle, unsafe extern "C" fn(Handle));

// SAFETY: all threads may use a source, a token and an error at once, and one thread at a time a config.
unsafe impl Send for Owned {}
unsafe impl Sync for Owned {}

impl Drop for Owned {
    fn drop(&mut self) {
        unsafe { (self.1)(self.0) }
    }
}

/// Returns `Ok(true)` for TKS_OK, `Ok(false)` for TKS_PENDING, and otherwise the error of the call.
fn checked(call: impl FnOnce(*mut Handle) -> i32) -> Result<bool, Error> {
    let mut error = ptr::null_mut();
    let status = call(&mut error);
    assert_eq!(
        error.is_null(),
        [OK, PENDING].contains(&status),
        "an error object comes with every error and with nothing else"
    );
    if error.is_null() { Ok(status == OK) } else { Err(Error(Owned(error, LIBRARY.tks_error_free))) }
}

fn owned(text: Text) -> Option<String> {
    let text = (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) });
    text.map(|text| text.to_str().unwrap().to_owned())
}

pub struct Config(Owned);

impl Config {
    pub fn new() -> Self {
        Self(Owned(unsafe { (LIBRARY.tks_config_new)() }, LIBRARY.tks_config_free))
    }

    /// Sets an option. `None` unsets it.
    pub fn set<'a>(&mut self, name: &str, value: impl Into<Option<&'a str>>) -> Result<(), Error> {
        let name = CString::new(name).unwrap();
        let value = value.into().map(|value| CString::new(value).unwrap());
        let value = value.as_ref().map_or(ptr::null(), |value| value.as_ptr());
        checked(|error| unsafe { (LIBRARY.tks_config_set)(self.0.0, name.as_ptr(), value, error) }).map(drop)
    }
}

pub struct Source(Owned);

impl Source {
    pub fn new(config: &Config) -> Result<Self, Error> {
        let mut source = ptr::null_mut();
        checked(|error| unsafe { (LIBRARY.tks_source_new)(config.0.0, &mut source, error) })?;
        Ok(Self(Owned(source, LIBRARY.tks_source_free)))
    }

    pub fn get(&self) -> Result<Token, Error> {
        let mut token = ptr::null_mut();
        checked(|error| unsafe { (LIBRARY.tks_source_get)(self.0.0, &mut token, error) })?;
        Ok(Token(Owned(token, LIBRARY.tks_token_free)))
    }

    /// Returns `None` if the fetch is still running.
    pub fn get_within(&self, seconds: f64) -> Result<Option<Token>, Error> {
        let mut token = ptr::null_mut();
        let finished =
            checked(|error| unsafe { (LIBRARY.tks_source_get_within)(self.0.0, seconds, &mut token, error) })?;
        Ok(finished.then(|| Token(Owned(token, LIBRARY.tks_token_free))))
    }

    pub fn generation(&self) -> u32 {
        unsafe { (LIBRARY.tks_source_generation)(self.0.0) }
    }

    pub fn invalidate(&self, token: &Token) {
        unsafe { (LIBRARY.tks_source_invalidate)(self.0.0, token.0.0) }
    }

    pub fn last_error(&self) -> Option<Error> {
        checked(|error| unsafe { (LIBRARY.tks_source_last_error)(self.0.0, error) }).err()
    }

    pub fn stat(&self, which: i32) -> u64 {
        unsafe { (LIBRARY.tks_source_stat)(self.0.0, which) }
    }

    pub fn close(&self) {
        unsafe { (LIBRARY.tks_source_close)(self.0.0) }
    }
}

pub struct Token(Owned);

impl Token {
    pub fn access_token(&self) -> String {
        owned(unsafe { (LIBRARY.tks_token_access_token)(self.0.0) }).unwrap()
    }

    pub fn authorization(&self) -> String {
        owned(unsafe { (LIBRARY.tks_token_authorization)(self.0.0) }).unwrap()
    }

    pub fn token_type(&self) -> String {
        owned(unsafe { (LIBRARY.tks_token_type)(self.0.0) }).unwrap()
    }

    pub fn scope(&self) -> Option<String> {
        owned(unsafe { (LIBRARY.tks_token_scope)(self.0.0) })
    }

    /// Returns Unix seconds.
    pub fn expires_at(&self) -> i64 {
        unsafe { (LIBRARY.tks_token_expires_at)(self.0.0) }
    }

    /// Returns seconds.
    pub fn expires_in(&self) -> f64 {
        unsafe { (LIBRARY.tks_token_expires_in)(self.0.0) }
    }

    pub fn generation(&self) -> u32 {
        unsafe { (LIBRARY.tks_token_generation)(self.0.0) }
    }

    pub fn response(&self) -> String {
        owned(unsafe { (LIBRARY.tks_token_response)(self.0.0) }).unwrap()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Token").field(&self.response()).finish()
    }
}

pub struct Error(Owned);

impl Error {
    /// Returns the name of the status, such as "TKS_OAUTH".
    pub fn status(&self) -> String {
        owned(unsafe { (LIBRARY.tks_status_name)((LIBRARY.tks_error_status)(self.0.0)) }).unwrap()
    }

    pub fn message(&self) -> String {
        owned(unsafe { (LIBRARY.tks_error_message)(self.0.0) }).unwrap()
    }

    pub fn oauth_error(&self) -> Option<String> {
        owned(unsafe { (LIBRARY.tks_error_oauth_error)(self.0.0) })
    }

    pub fn oauth_description(&self) -> Option<String> {
        owned(unsafe { (LIBRARY.tks_error_oauth_description)(self.0.0) })
    }

    pub fn oauth_uri(&self) -> Option<String> {
        owned(unsafe { (LIBRARY.tks_error_oauth_uri)(self.0.0) })
    }

    /// Returns 0 if there was no response.
    pub fn http_status(&self) -> i32 {
        unsafe { (LIBRARY.tks_error_http_status)(self.0.0) }
    }

    /// Returns seconds, or a negative number if the source sends no further request.
    pub fn retry_after(&self) -> f64 {
        unsafe { (LIBRARY.tks_error_retry_after)(self.0.0) }
    }

    pub fn is_transient(&self) -> bool {
        unsafe { (LIBRARY.tks_error_is_transient)(self.0.0) != 0 }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status(), self.message())
    }
}

/// Adds the texts of the error to the leak log, which is searched for secrets at the end of the tests.
impl Drop for Error {
    fn drop(&mut self) {
        let parts = [self.oauth_error(), self.oauth_description(), self.oauth_uri()];
        leak_log(env!("CARGO_CRATE_NAME"), &format!("{self:?} {parts:?}"));
    }
}
