"""The C functions as ctypes calls them: every signature of tokensource.h, and nothing else.

A test holds the table against the header.
"""

from __future__ import annotations

from ctypes import (
    POINTER,
    CDLL,
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
    from typing import Any

_OUT = POINTER(c_void_p)

# What each function returns, then what it takes.
PROTOTYPES: dict[str, tuple[Any, ...]] = {
    "tks_abi_version": (c_uint32,),
    "tks_version": (c_char_p,),
    "tks_status_name": (c_char_p, c_int32),
    "tks_option_name": (c_char_p, c_size_t),
    "tks_option_help": (c_char_p, c_size_t),
    "tks_config_new": (c_void_p,),
    "tks_config_set": (c_int32, c_void_p, c_char_p, c_char_p, _OUT),
    "tks_config_free": (None, c_void_p),
    "tks_source_new": (c_int32, c_void_p, _OUT, _OUT),
    "tks_source_get": (c_int32, c_void_p, _OUT, _OUT),
    "tks_source_get_within": (c_int32, c_void_p, c_double, _OUT, _OUT),
    "tks_source_generation": (c_uint32, c_void_p),
    "tks_source_invalidate": (None, c_void_p, c_void_p),
    "tks_source_last_error": (c_int32, c_void_p, _OUT),
    "tks_source_stat": (c_uint64, c_void_p, c_int32),
    "tks_source_close": (None, c_void_p),
    "tks_source_free": (None, c_void_p),
    "tks_token_access_token": (c_char_p, c_void_p),
    "tks_token_authorization": (c_char_p, c_void_p),
    "tks_token_type": (c_char_p, c_void_p),
    "tks_token_scope": (c_char_p, c_void_p),
    "tks_token_expires_at": (c_int64, c_void_p),
    "tks_token_expires_in": (c_double, c_void_p),
    "tks_token_generation": (c_uint32, c_void_p),
    "tks_token_response": (c_char_p, c_void_p),
    "tks_token_free": (None, c_void_p),
    "tks_error_status": (c_int32, c_void_p),
    "tks_error_message": (c_char_p, c_void_p),
    "tks_error_oauth_error": (c_char_p, c_void_p),
    "tks_error_oauth_description": (c_char_p, c_void_p),
    "tks_error_oauth_uri": (c_char_p, c_void_p),
    "tks_error_http_status": (c_int32, c_void_p),
    "tks_error_retry_after": (c_double, c_void_p),
    "tks_error_is_transient": (c_int32, c_void_p),
    "tks_error_free": (None, c_void_p),
}

# These wait or read files, so other threads must run meanwhile. For all others that costs more than the call itself: beside
# one busy thread, whoever let go of the interpreter has it back after some hundred times as long.
MAY_WAIT = {"tks_source_new", "tks_source_get", "tks_source_get_within"}


class Functions:
    """The functions of the library in this file.

    OSError: it cannot be loaded. AttributeError: it lacks one of them.
    """

    def __init__(self, file: str) -> None:
        quick, waiting = PyDLL(file), CDLL(file)
        for name, (result, *arguments) in PROTOTYPES.items():
            function = getattr(waiting if name in MAY_WAIT else quick, name)
            function.restype = result
            function.argtypes = arguments
            setattr(self, name, function)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
