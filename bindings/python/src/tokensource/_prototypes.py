"""The C functions as ctypes calls them: every signature of tokensource.h, and nothing else.

A test holds the table against the header.
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
)

from ._handle import ConfigHandle, ErrorHandle, SourceHandle, TokenHandle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SOURCE_OUT, _TOKEN_OUT, _ERROR_OUT = POINTER(SourceHandle), POINTER(TokenHandle), POINTER(ErrorHandle)

# What each function returns, then what it takes. A handle's own class costs half of what c_void_p does for any.
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

# These wait or read files, so other threads must run meanwhile. For all others that costs more than the call itself:
# beside one busy thread, whoever let go of the interpreter has it back after some hundred times as long.
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

        def __getattr__(self, name: str) -> Any: ...  # noqa: ANN401
