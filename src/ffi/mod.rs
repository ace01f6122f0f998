//! tokensource: an OAuth 2.0 access token that is always good.
//!
//! A program that calls an API as itself trades a client id and a client secret for an access token that lives minutes
//! or hours (the client-credentials grant, RFC 6749 section 4.4). A source keeps such a token good: it fetches one when
//! it is first asked, hands out the same one until it ages, fetches the next beside it, and shares each fetch and its
//! result, good or bad, among all threads.
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
//! # From start to end
//!
//! ```text
//! tks_config_new, tks_config_set ...      what is asked, as name and value texts
//! tks_source_new, tks_config_free         one source for each kind of token, for the life of the program
//!     tks_source_get                      before each call of the API, from any thread
//!     tks_token_authorization             the value of the Authorization header
//!     tks_source_invalidate               when the API answered 401 all the same
//!     tks_token_free
//! tks_source_free
//! ```
//!
//! # Manners
//!
//! Handles. What a function hands out through `**out` is the caller's to free, with the `_free` function of its type,
//! once, after every call on it has returned. Handles may be freed in any order: a source keeps no hold of its config, a
//! token outlives its source. A `const char *` that a function returns belongs to the handle that was asked and lives as
//! long; one that was asked of nothing lives for ever.
//!
//! NULL. Every function takes NULL for every pointer without crashing: one that answers with a status then says
//! TKS_INVALID_ARGUMENT, one that answers with a value says NULL or 0, one without an answer does nothing. Only `error_out`
//! and the `value` of an option may be NULL in earnest.
//!
//! Errors. A function that can fail returns a tks_status and takes `error_out` last, which may be NULL. All `**out` are
//! set to NULL first. With TKS_OK and TKS_PENDING no error object is made; with every other status there is one, and
//! no other object. There is no "last error" of a thread, and errno means nothing after a call.
//!
//! Text. Text in is UTF-8, ends with a NUL and is copied. Text out is UTF-8 and ends with a NUL.
//!
//! Threads. A source, a token and an error may be used from any thread at any time. A config may be used from any
//! thread, by one at a time. No function may be called from a signal handler, and no thread may be cancelled
//! (pthread_cancel) in one. A signal does not end a wait.
//!
//! Forks. A child of fork() may go on using every handle, whatever the parent's threads were doing at that moment; one
//! made behind its back (_Fork, vfork, clone) may only exec. Files and sockets are closed by exec; a child of a fork during
//! a fetch keeps a copy of that socket.
//!
//! The host. Nothing is written to stdout or stderr, no signal handler is installed, no environment variable is
//! changed, nothing exits. Fetches run on short-lived threads of the library that block all signals, and run at the
//! priority of the caller who needed them. With the option `refresh` set to `inline` there are none; then, and where the
//! system gives the library no thread, who asks for a token needs 128 KiB of stack. A bug in the library becomes
//! TKS_INTERNAL. Running out of memory aborts. Once loaded, the library stays loaded: dlclose is harmless and does nothing.
//! A plugin that contains the static library must see to that itself (link it with `-z nodelete`).
//!
//! Cost. Whatever does not say that it waits or reads files only computes, and not for long.
//!
//! Secrets. No error message holds a secret or a token. All memory of the library is wiped when it is freed.
//!
//! Versions. Functions, options and status numbers are only ever added. Whoever loads the library by hand compares
//! tks_abi_version() with TKS_ABI_VERSION.

// The text above opens include/tokensource.h, and the text that opens each noun's file opens its section there.
//
// This module borrows what it is given, calls one method of the core and hands out the answer. It holds no logic. The
// signatures are written out in full since cbindgen neither expands macros nor sees through generic aliases.
#![allow(non_camel_case_types, reason = "the names are those of the C header")]

mod boundary;
mod config;
mod error;
mod library;
mod memory;
mod source;
mod text;
mod token;
