"""Finds the shared library, loads it and makes sure that it is one that this package can use. Nothing else looks for
it."""

from __future__ import annotations

import os
import sys

from ._handle import free_with
from ._prototypes import Functions

ABI = 1
LEAST_VERSION = "0.1.0"

VARIABLE = "TOKENSOURCE_LIBRARY"

_ADVICE = (
    f"install a wheel of tokensource for this platform, or let {VARIABLE} name the file (in a checkout: make build)"
)


def _find() -> str:
    """The file that the environment names; else the package's own; else what the system has under this name."""
    named = os.environ.get(VARIABLE)
    if named:
        # Without a slash, the loader would look for it everywhere but here.
        return os.path.abspath(named)
    if sys.platform == "darwin":
        name, system = "libtokensource.dylib", f"libtokensource.{ABI}.dylib"
    else:
        name, system = "libtokensource.so", f"libtokensource.so.{ABI}"
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
        raise ImportError(f"tokensource: {file} is another library or an older one: {error}; {_ADVICE}") from None
    abi = functions.tks_abi_version()
    if abi != ABI:
        raise ImportError(f"tokensource: {file} speaks version {abi} of the ABI, this package {ABI}; {_ADVICE}")
    version = functions.tks_version().decode()
    if _numbers(version) < _numbers(LEAST_VERSION):
        raise ImportError(f"tokensource: {file} is version {version}, and {LEAST_VERSION} is needed; {_ADVICE}")
    return functions


library = _load(_find())
free_with(library)
