//! Runs bytes as a program for the C ABI: any calls in any order, with NULL wherever it is allowed.
//!
//! No call crashes, every output parameter is set, exactly the failures set an error object, and no text is broken or shows
//! a secret. Each handle is freed once, as the header asks. A program must not reach another machine.

use std::{
    ffi::{CStr, CString, c_char, c_void},
    ptr,
};

type Handle = *mut c_void;
type Text = *const c_char;

unsafe extern "C" {
    fn tks_abi_version() -> u32;
    fn tks_version() -> Text;
    fn tks_status_name(status: i32) -> Text;
    fn tks_option_name(index: usize) -> Text;
    fn tks_option_help(index: usize) -> Text;
    fn tks_config_new() -> Handle;
    fn tks_config_set(config: Handle, name: Text, value: Text, error: *mut Handle) -> i32;
    fn tks_config_free(config: Handle);
    fn tks_source_new(config: Handle, source: *mut Handle, error: *mut Handle) -> i32;
    fn tks_source_get(source: Handle, token: *mut Handle, error: *mut Handle) -> i32;
    fn tks_source_get_within(source: Handle, seconds: f64, token: *mut Handle, error: *mut Handle) -> i32;
    fn tks_source_generation(source: Handle) -> u32;
    fn tks_source_invalidate(source: Handle, token: Handle);
    fn tks_source_last_error(source: Handle, error: *mut Handle) -> i32;
    fn tks_source_stat(source: Handle, which: i32) -> u64;
    fn tks_source_close(source: Handle);
    fn tks_source_free(source: Handle);
    fn tks_token_access_token(token: Handle) -> Text;
    fn tks_token_authorization(token: Handle) -> Text;
    fn tks_token_type(token: Handle) -> Text;
    fn tks_token_scope(token: Handle) -> Text;
    fn tks_token_expires_at(token: Handle) -> i64;
    fn tks_token_expires_in(token: Handle) -> f64;
    fn tks_token_generation(token: Handle) -> u32;
    fn tks_token_response(token: Handle) -> Text;
    fn tks_token_free(token: Handle);
    fn tks_error_status(error: Handle) -> i32;
    fn tks_error_message(error: Handle) -> Text;
    fn tks_error_oauth_error(error: Handle) -> Text;
    fn tks_error_oauth_description(error: Handle) -> Text;
    fn tks_error_oauth_uri(error: Handle) -> Text;
    fn tks_error_http_status(error: Handle) -> i32;
    fn tks_error_retry_after(error: Handle) -> f64;
    fn tks_error_is_transient(error: Handle) -> i32;
    fn tks_error_free(error: Handle);
}

const SECRET_MARKER: &str = "hush-4711";
/// A port without a listener.
const NOWHERE: [&str; 3] = ["http://127.0.0.1:1/token", "https://127.0.0.1:1/token", "http://localhost:1/"];
/// With these options a fetch fails within a second, and without a connection.
const FIXED: [(&str, &str); 4] =
    [("proxy", "none"), ("max_attempts", "1"), ("timeout", "0.05"), ("client_secret", SECRET_MARKER)];
const VALUES: [&str; 24] = [
    "",
    "true",
    "false",
    "0",
    "0.5",
    "1e400",
    "-1",
    "NaN",
    "600",
    "999999999999",
    "podero",
    "gardin",
    "inline",
    "background",
    "raw",
    "json",
    "client_secret_post",
    "bundled",
    "/dev/null",
    "/nowhere",
    "read write",
    "a\nb",
    "é",
    "http://127.0.0.1:1",
];
const SECONDS: [f64; 8] = [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, f64::MIN_POSITIVE, 0.001];

struct Program<'a> {
    bytes: &'a [u8],
    configs: [Handle; 2],
    sources: [Handle; 2],
    errors: [Handle; 2],
}

pub fn run(bytes: &[u8]) {
    let null = ptr::null_mut();
    let mut program = Program { bytes, configs: [null; 2], sources: [null; 2], errors: [null; 2] };
    // A call may wait for 50 ms, and a longer program would prove no more.
    for _ in 0..64 {
        if program.bytes.is_empty() {
            break;
        }
        program.step();
    }
    for nth in 0..2 {
        program.free(nth);
    }
}

impl Program<'_> {
    fn byte(&mut self) -> usize {
        let (first, rest) = self.bytes.split_first().unwrap_or((&0, &[]));
        self.bytes = rest;
        (*first).into()
    }

    /// Returns a few bytes of the program as text. Returns None if they hold a NUL.
    fn text(&mut self) -> Option<CString> {
        let length = self.byte() % 40;
        let (text, rest) = self.bytes.split_at(length.min(self.bytes.len()));
        self.bytes = rest;
        CString::new(text).ok()
    }

    fn step(&mut self) {
        let (call, nth) = (self.byte(), self.byte());
        let is_null = nth >= 240;
        let nth = nth % 2;
        let pick = |handles: [Handle; 2]| if is_null { ptr::null_mut() } else { handles[nth] };
        let (config, source, error) = (pick(self.configs), pick(self.sources), pick(self.errors));
        unsafe {
            match call % 20 {
                0 => {
                    tks_config_free(self.configs[nth]);
                    self.configs[nth] = tks_config_new();
                    assert!(!self.configs[nth].is_null());
                    self.prepare(nth);
                }
                1 | 2 => {
                    let (name, value) = (self.byte(), self.byte());
                    let name = tks_option_name(name % 32);
                    if !name.is_null() && !is_fixed(CStr::from_ptr(name).to_bytes()) {
                        let value = VALUES.get(value % 28).map(|value| CString::new(*value).unwrap());
                        self.set(config, name, value.as_ref());
                    }
                }
                3 => {
                    let (name, value) = (self.text(), self.text());
                    if let Some(name) = name.filter(|name| !is_fixed(name.to_bytes())) {
                        self.set(config, name.as_ptr(), value.as_ref());
                    }
                }
                4 => {
                    let value = CString::new(NOWHERE[self.byte() % 3]).unwrap();
                    self.set(config, c"token_url".as_ptr(), Some(&value));
                }
                5 => self.free(nth),
                6 => {
                    tks_source_free(self.sources[nth]);
                    let mut made = ptr::dangling_mut();
                    let out = if is_null { ptr::null_mut() } else { &mut made };
                    self.prepare(nth);
                    let config = self.configs[nth];
                    let status = self.checked(|error| tks_source_new(config, out, error));
                    assert_eq!(out.is_null() || made.is_null(), status != 0);
                    self.sources[nth] = if is_null { ptr::null_mut() } else { made };
                }
                7 | 8 => {
                    let seconds = SECONDS[self.byte() % 8];
                    let mut token = ptr::dangling_mut();
                    let out = if is_null { ptr::null_mut() } else { &mut token };
                    let status = self.checked(|error| match call % 20 {
                        7 => tks_source_get(source, out, error),
                        _ => tks_source_get_within(source, seconds, out, error),
                    });
                    assert!(status != 0, "no server grants a token");
                    assert!(out.is_null() || token.is_null());
                }
                9 => assert_eq!(tks_source_generation(source), 0),
                10 => tks_source_invalidate(source, ptr::null_mut()),
                11 => {
                    self.checked(|error| tks_source_last_error(source, error));
                }
                12 => {
                    let which = self.byte() as i32 - 3;
                    let count = tks_source_stat(source, which);
                    assert!(which != 3 || count == 0, "a token without a server");
                }
                13 => tks_source_close(source),
                14 => {
                    tks_source_free(self.sources[nth]);
                    self.sources[nth] = ptr::null_mut();
                }
                15 => check_error(error),
                16 => {
                    tks_error_free(self.errors[nth]);
                    self.errors[nth] = ptr::null_mut();
                }
                17 => {
                    let index = self.byte();
                    let name = text(tks_option_name(index));
                    assert_eq!(name.is_some(), text(tks_option_help(index)).is_some());
                    assert!(text(tks_option_name(usize::MAX - index)).is_none());
                }
                18 => {
                    let name = text(tks_status_name(self.byte() as i32 - 100)).expect("a name");
                    assert!(name.starts_with("TKS_"));
                    assert!(tks_abi_version() > 0 && text(tks_version()).is_some());
                }
                _ => {
                    let none = ptr::null_mut();
                    assert!(tks_token_access_token(none).is_null() && tks_token_authorization(none).is_null());
                    assert!(tks_token_type(none).is_null() && tks_token_scope(none).is_null());
                    assert!(tks_token_response(none).is_null() && tks_token_generation(none) == 0);
                    assert!(tks_token_expires_at(none) == 0 && tks_token_expires_in(none) == 0.0);
                    tks_token_free(none);
                }
            }
        }
    }

    fn set(&mut self, config: Handle, name: Text, value: Option<&CString>) {
        let value = value.map_or(ptr::null(), |value| value.as_ptr());
        self.checked(|error| unsafe { tks_config_set(config, name, value, error) });
    }

    /// Sets the fixed options, so that the source fails soon and reaches no other machine.
    fn prepare(&mut self, nth: usize) {
        let config = self.configs[nth];
        for (name, value) in FIXED.into_iter().chain([("token_url", NOWHERE[nth])]) {
            let (name, value) = (CString::new(name).unwrap(), CString::new(value).unwrap());
            unsafe { tks_config_set(config, name.as_ptr(), value.as_ptr(), ptr::null_mut()) };
        }
    }

    /// Checks the status and the error of a call, and keeps the error.
    fn checked(&mut self, call: impl FnOnce(*mut Handle) -> i32) -> i32 {
        let mut error = ptr::dangling_mut();
        let status = call(&mut error);
        assert!(status != 9, "a bug: {:?}", text(unsafe { tks_error_message(error) }));
        assert_eq!(error.is_null(), [0, 10].contains(&status), "status {status}");
        if !error.is_null() {
            assert_eq!(unsafe { tks_error_status(error) }, status);
            check_error(error);
            unsafe { tks_error_free(self.errors[0]) };
            self.errors[0] = error;
            self.errors.swap(0, 1);
        }
        status
    }

    fn free(&mut self, nth: usize) {
        unsafe {
            tks_config_free(std::mem::replace(&mut self.configs[nth], ptr::null_mut()));
            tks_source_free(std::mem::replace(&mut self.sources[nth], ptr::null_mut()));
            tks_error_free(std::mem::replace(&mut self.errors[nth], ptr::null_mut()));
        }
    }
}

/// Returns whether `prepare` alone may set this option: another value could call another machine, or wait.
fn is_fixed(name: &[u8]) -> bool {
    ["token_url", "proxy", "timeout", "max_attempts", "client_secret"].iter().any(|own| name == own.as_bytes())
}

fn text(text: Text) -> Option<String> {
    let text = (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) });
    text.map(|text| text.to_str().expect("UTF-8").to_owned())
}

fn check_error(error: Handle) {
    unsafe {
        assert_eq!(text(tks_error_message(error)).is_none(), error.is_null());
        let texts = [
            tks_error_message(error),
            tks_error_oauth_error(error),
            tks_error_oauth_description(error),
            tks_error_oauth_uri(error),
        ];
        for text in texts.into_iter().filter_map(text) {
            assert!(!text.contains(char::is_control) && !text.contains(SECRET_MARKER), "{text:?}");
        }
        assert_eq!(tks_error_http_status(error), 0);
        assert!([0, 1].contains(&tks_error_is_transient(error)));
        assert!(!tks_error_retry_after(error).is_nan());
    }
}
