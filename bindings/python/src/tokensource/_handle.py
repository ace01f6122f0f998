"""Handles: they own what the library hands out, and nothing else frees it.

A handle is itself what ctypes passes to C, and what C fills through a pointer to it: from the moment on that an object
exists, a handle owns it, and as long as a call runs, its arguments keep their handles alive. So freeing is left to the
finalizer, which runs when neither Python nor a call needs the object any more.
"""

from __future__ import annotations

from ctypes import c_void_p

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from ._prototypes import Functions


class _Handle(c_void_p):
    _free: ClassVar[Any]

    def __del__(self) -> None:
        if self:
            self._free(self)


class ConfigHandle(_Handle):
    """What is asked, and how."""


class SourceHandle(_Handle):
    """Keeps a token good."""


class TokenHandle(_Handle):
    """An access token."""


class ErrorHandle(_Handle):
    """What went wrong."""


def free_with(library: Functions) -> None:
    """Says with what handles are freed: once, before there is any."""
    ConfigHandle._free = library.tks_config_free
    SourceHandle._free = library.tks_source_free
    TokenHandle._free = library.tks_token_free
    ErrorHandle._free = library.tks_error_free
