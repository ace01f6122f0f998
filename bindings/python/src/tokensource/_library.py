"""Finds and loads the shared library, and checks that this package can use it. No other file may look for it."""

from __future__ import annotations

import os
import sys

from ._header import TKS_ABI_VERSION, ConfigHandle, ErrorHandle, Functions, SourceHandle, TokenHandle

LEAST_VERSION = "0.1.0"

VARIABLE = "TOKENSOURCE_LIBRARY"

_ADVICE = f"install a wheel of tokensource for this platform, or set {VARIABLE} to the file (in a checkout: make build"
# Set in a frozen program. The hook of the wheel may be missing or overridden there.
_ADVICE += "; with PyInstaller: --collect-all tokensource)" if getattr(sys, "frozen", False) else ")"


def _find() -> str:
    """Returns the file that the environment names, else the package's own file, else a name for the system's loader."""
    named = os.environ.get(VARIABLE)
    if named:
        # The loader searches the system's directories for a name without a slash, and not the working directory.
        return os.path.abspath(named)
    if sys.platform == "darwin":
        name, system = "libtokensource.dylib", f"libtokensource.{TKS_ABI_VERSION}.dylib"
    else:
        name, system = "libtokensource.so", f"libtokensource.so.{TKS_ABI_VERSION}"
    own = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    return own if os.path.exists(own) else system


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.partition("-")[0].split(".")]


def _load(file: str) -> Functions:
    try:
        functions = Functions(file)
    except OSError as error:
        raise ImportError(f"tokensource: the shared library cannot be loaded: {error}; {_ADVICE}") from None
    except AttributeError as error:
        raise ImportError(f"tokensource: {file} is a different or older library: {error}; {_ADVICE}") from None
    abi = functions.tks_abi_version()
    if abi != TKS_ABI_VERSION:
        raise ImportError(
            f"tokensource: {file} has the ABI number {abi}, and this package needs {TKS_ABI_VERSION}; {_ADVICE}"
        )
    version = functions.tks_version().decode()
    if _numbers(version) < _numbers(LEAST_VERSION):
        raise ImportError(
            f"tokensource: {file} is version {version}, but {LEAST_VERSION} or later is needed; {_ADVICE}"
        )
    return functions


library = _load(_find())

# Set before any handle exists.
ConfigHandle.free = library.tks_config_free
SourceHandle.free = library.tks_source_free
TokenHandle.free = library.tks_token_free
ErrorHandle.free = library.tks_error_free
