//! tokensource: an OAuth 2.0 access token that is always valid.
//!
//! A program that calls an API as itself trades a client id and a client secret for an access token. This is the
//! client-credentials grant of RFC 6749 section 4.4. Such a token lives minutes or hours. A token source keeps a valid one
//! for all threads of the program. It fetches the first token on demand, caches it, and refreshes it in the background
//! before it expires. All threads share each fetch and its result, whether token or error.
//!
//! # Example
//!
//! ```c
//! #include <stdio.h>
//! #include <tokensource.h>
//!
//! int main(int argc, char **argv) {
//!     tks_error *error = NULL;
//!     tks_source *source = NULL;
//!     tks_token *token = NULL;
//!
//!     tks_config *config = tks_config_new();
//!     int failed = argc != 4
//!         || tks_config_set(config, "token_url", argv[1], &error)
//!         || tks_config_set(config, "client_id", argv[2], &error)
//!         || tks_config_set(config, "client_secret_file", argv[3], &error)
//!         || tks_source_new(config, &source, &error)
//!         || tks_source_get(source, &token, &error);
//!     if (failed)
//!         fprintf(stderr, "%s\n", error ? tks_error_message(error) : "usage: example URL ID SECRET-FILE");
//!     else
//!         printf("Authorization: %s\n", tks_token_authorization(token));
//!
//!     tks_token_free(token);
//!     tks_source_free(source);
//!     tks_config_free(config);
//!     tks_error_free(error);
//!     return failed;
//! }
//! ```
//!
//! # Life cycle
//!
//! ```text
//! tks_config_new, tks_config_set ...      the options, as pairs of name and value
//! tks_source_new, tks_config_free         one source for each kind of token, for the life of the program
//!     tks_source_get                      before each API call, from any thread
//!     tks_token_authorization             the value of the Authorization header
//!     tks_source_invalidate               after the API rejected the token with a 401
//!     tks_token_free
//! tks_source_free
//! ```
//!
//! # Conventions
//!
//! Ownership. A function that stores a handle in a `**out` argument gives it to the caller. The caller frees it once, with
//! the `_free` function of its type, after every function call on it has returned. Handles may be freed in any order: a
//! source has its own copy of its config, and a token outlives its source. A `const char *` that a function returns is
//! owned by the handle that was passed, and is valid until that handle is freed. Strings from functions without a handle
//! are static.
//!
//! NULL. Passing NULL never crashes. Functions that return a tks_status return TKS_INVALID_ARGUMENT, functions that return
//! a value return NULL or 0, and void functions do nothing. NULL is meaningful only for `error_out` and for the `value` of
//! an option.
//!
//! Errors. A function that can fail returns a tks_status and takes `error_out` as its last argument. A caller that needs
//! no error object passes NULL. All `**out` arguments are set to NULL first. TKS_OK and TKS_PENDING come without an error
//! object; every other status comes with an error object and no other object. There is no thread-local "last error", and
//! errno has no meaning after a call.
//!
//! Strings. Strings are UTF-8 and end with a NUL. The library copies every string that is passed to it.
//!
//! const. Functions that take a handle as `const` may be called on the same handle from any number of threads at the same
//! time. While a function that takes a handle without `const` runs, no other function must be called on that handle. So
//! all threads may use a source, a token and an error at once. One thread at a time may set the options of a config.
//! tks_source_close takes a `const` handle because other threads may be waiting in calls on it. Each token that a call
//! stores is a handle of its own, even if two pointers are equal.
//!
//! Threads. A handle may be used and freed on any thread. Functions must not be called from a signal handler. A thread
//! must not be cancelled (pthread_cancel) during a function call. A signal does not end a wait.
//!
//! Forks. A child of fork() may go on using every handle, even if threads of the parent were in calls on it. A child
//! created without fork handlers (_Fork, vfork, clone) may only call exec. The library's files and sockets are closed by
//! exec. A child that is forked during a fetch keeps a copy of the socket of that fetch.
//!
//! Blocking. No function blocks or does I/O unless its comment states it.
//!
//! Process. The library writes nothing to stdout or stderr, installs no signal handler, changes no environment variable
//! and never exits. Fetches run on short-lived threads of the library, which block all signals and have the priority of
//! the caller that needed the fetch. With the option `refresh` set to `inline`, or if the system provides no thread, the
//! calling thread performs the fetch. It needs 128 KiB of stack. A bug in the library becomes TKS_INTERNAL. Running out of
//! memory aborts the process. Once loaded, the library stays loaded: dlclose does nothing. A plugin that contains the
//! static library must be linked with `-z nodelete`.
//!
//! Secrets. No error message contains a secret or a token. All memory of the library is wiped when it is freed.
//!
//! Versions. Functions, options and status numbers are added, and never changed or removed. A program that loads the
//! library at run time compares tks_abi_version() with TKS_ABI_VERSION.

// The C interface. The text above opens include/tokensource.h, and the `//!` text of each noun's file opens its section
// there; tests/header.rs makes the header from both.
//
// A function here borrows what it is given, calls one method of the core and returns the result. It must not decide
// anything. The signatures are written out in full, because cbindgen neither expands macros nor resolves generic aliases.
#![allow(non_camel_case_types, reason = "the names are those of the C header")]

mod boundary;
mod config;
mod error;
mod library;
mod memory;
mod source;
mod text;
mod token;
