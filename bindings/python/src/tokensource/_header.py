"""tokensource.h as ctypes has it: numbers, handle types and the signature of each function, and nothing else.

A test compares this file with the header. It must not load the library: _library.py does.
"""

from __future__ import annotations

from ctypes import (
    CDLL,
    POINTER,
    PyDLL,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar

TKS_ABI_VERSION = 1

TKS_STAT_REQUESTS = 1
TKS_STAT_FAILURES = 2
TKS_STAT_TOKENS = 3
TKS_STAT_WAITS = 4

TKS_OK = 0
TKS_INVALID_ARGUMENT = 1
TKS_INVALID_CONFIG = 2
TKS_NETWORK = 3
TKS_TLS = 4
TKS_TIMEOUT = 5
TKS_HTTP = 6
TKS_OAUTH = 7
TKS_BAD_RESPONSE = 8
TKS_INTERNAL = 9
TKS_PENDING = 10
TKS_CLOSED = 11


class _Handle(c_void_p):
    """Owns one object of the library, which only the finalizer frees.

    ctypes passes the handle itself to C, and C fills it through a pointer. So a handle owns its object from the moment
    the object exists, and a running call keeps the handles of its arguments alive. The finalizer runs when neither
    Python nor a call needs the object.
    """

    # Set when the library is loaded.
    free: ClassVar[Callable[[_Handle], None]]

    def __del__(self) -> None:
        if self:
            type(self).free(self)


class ConfigHandle(_Handle):
    """A tks_config."""


class SourceHandle(_Handle):
    """A tks_source."""


class TokenHandle(_Handle):
    """A tks_token."""


class ErrorHandle(_Handle):
    """A tks_error."""


_SOURCE_OUT, _TOKEN_OUT, _ERROR_OUT = POINTER(SourceHandle), POINTER(TokenHandle), POINTER(ErrorHandle)

# The result type of each function, then its argument types. An argument with the handle's own class costs half as much
# to pass as one declared as c_void_p.
PROTOTYPES: dict[str, tuple[Any, ...]] = {
    "tks_abi_version": (c_uint32,),
    "tks_version": (c_char_p,),
    "tks_status_name": (c_char_p, c_int32),
    "tks_option_name": (c_char_p, c_size_t),
    "tks_option_help": (c_char_p, c_size_t),
    "tks_config_new": (ConfigHandle,),
    "tks_config_set": (c_int32, ConfigHandle, c_char_p, c_char_p, _ERROR_OUT),
    "tks_config_free": (None, ConfigHandle),
    "tks_source_new": (c_int32, ConfigHandle, _SOURCE_OUT, _ERROR_OUT),
    "tks_source_get": (c_int32, SourceHandle, _TOKEN_OUT, _ERROR_OUT),
    "tks_source_get_within": (c_int32, SourceHandle, c_double, _TOKEN_OUT, _ERROR_OUT),
    "tks_source_generation": (c_uint32, SourceHandle),
    "tks_source_invalidate": (None, SourceHandle, TokenHandle),
    "tks_source_last_error": (c_int32, SourceHandle, _ERROR_OUT),
    "tks_source_stat": (c_uint64, SourceHandle, c_int32),
    "tks_source_close": (None, SourceHandle),
    "tks_source_free": (None, SourceHandle),
    "tks_token_access_token": (c_char_p, TokenHandle),
    "tks_token_authorization": (c_char_p, TokenHandle),
    "tks_token_type": (c_char_p, TokenHandle),
    "tks_token_scope": (c_char_p, TokenHandle),
    "tks_token_expires_at": (c_int64, TokenHandle),
    "tks_token_expires_in": (c_double, TokenHandle),
    "tks_token_generation": (c_uint32, TokenHandle),
    "tks_token_response": (c_char_p, TokenHandle),
    "tks_token_free": (None, TokenHandle),
    "tks_error_status": (c_int32, ErrorHandle),
    "tks_error_message": (c_char_p, ErrorHandle),
    "tks_error_oauth_error": (c_char_p, ErrorHandle),
    "tks_error_oauth_description": (c_char_p, ErrorHandle),
    "tks_error_oauth_uri": (c_char_p, ErrorHandle),
    "tks_error_http_status": (c_int32, ErrorHandle),
    "tks_error_retry_after": (c_double, ErrorHandle),
    "tks_error_is_transient": (c_int32, ErrorHandle),
    "tks_error_free": (None, ErrorHandle),
}

# These functions wait or read files, so they release the interpreter lock and other threads run. The others keep it.
# With one busy thread in the process, a released lock comes back only after some hundred times the length of a call.
MAY_WAIT = {"tks_source_new", "tks_source_get", "tks_source_get_within"}


class Functions:
    """The functions of the shared library in one file.

    Raises OSError if the file cannot be loaded, and AttributeError if it lacks a function.
    """

    def __init__(self, file: str) -> None:
        quick, waiting = PyDLL(file), CDLL(file)
        for name, (result, *arguments) in PROTOTYPES.items():
            function = getattr(waiting if name in MAY_WAIT else quick, name)
            function.restype = result
            function.argtypes = arguments
            setattr(self, name, function)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...  # noqa: ANN401
