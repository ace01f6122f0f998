"""Makes a source from options as Python programs write them.

Each value becomes the text that the library reads. Which options exist and which values fit is for the library to
decide. No error and no traceback of this file may show a value, since any value may be a misplaced secret.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from ctypes import byref

from ._header import TKS_INVALID_ARGUMENT, ErrorHandle, SourceHandle
from ._library import library
from .errors import error_from, error_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._header import ConfigHandle

# Options whose value may be a list; the library reads the items with spaces between.
_LISTS = ("scope", "resource")
# Options that take a mapping under two names, for an option family of the library such as param.NAME.
_PLURALS = {"params": "param", "headers": "header", "claims": "claim", "variables": "variable"}
# The name of each option that takes a mapping, and that of its family.
_FAMILIES = {**_PLURALS, **{name: name for name in _PLURALS.values()}, "response": "response"}


def source_of(options: Mapping[str, object]) -> SourceHandle:
    """Returns a source with the keyword arguments of TokenSource."""
    for plural, singular in _PLURALS.items():
        if options.get(singular) is not None and options.get(plural) is not None:
            # Python's own error for an argument that is given twice.
            raise TypeError(f"options {singular} and {plural} are both given: keep one")
    config = library.tks_config_new()
    given = set()
    for name, value in _flattened(options):
        # The names of headers have no case (RFC 9110 section 5.1).
        key = name.lower() if name.startswith("header.") else name
        if key in given:
            raise TypeError(f"option {name} is given twice, in two spellings: keep one")
        given.add(key)
        _set(config, name, value)
    return _source_of(config)


def _flattened(options: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yields the options with one entry for each member of a mapping: param={"a": "b"} becomes param.a."""
    for name, value in options.items():
        if name not in _FAMILIES:
            yield name, value
        elif value is not None:
            for member, text in _mapping(name, value).items():
                if not isinstance(member, str):
                    raise TypeError(f"option {name}: its names must be str, not {type(member).__name__}")
                yield f"{_FAMILIES[name]}.{member}", text


def source_of_texts(options: Mapping[str, str]) -> SourceHandle:
    """Returns a source with options that have the names and values of the library."""
    config = library.tks_config_new()
    for name, value in options.items():
        _set(config, name, value)
    return _source_of(config)


def _source_of(config: ConfigHandle) -> SourceHandle:
    source, error = SourceHandle(), ErrorHandle()
    library.tks_source_new(config, byref(source), byref(error))
    if error:
        raise error_from(error)
    return source


def _mapping(name: str, value: object) -> Mapping[object, object]:
    if not isinstance(value, Mapping):
        raise TypeError(f"option {name}: the value must be a mapping, not {type(value).__name__}")
    return value


def _set(config: ConfigHandle, name: str, value: object) -> None:
    text = wrong_type = None
    try:
        text = _text_of(name, value)
    except TypeError as raised:
        wrong_type = raised
    error = ErrorHandle()
    library.tks_config_set(config, _encoded(name, "the name of an option"), text, byref(error))
    # An unknown name is reported first: no type would be right for it.
    if error:
        raise error_from(error)
    if wrong_type is not None:
        raise wrong_type


def _text_of(name: str, value: object) -> bytes | None:
    """Returns the value as the library reads it; None unsets the option."""
    if value is None:
        return None
    # Otherwise the path would be sent in place of what the file holds.
    if isinstance(value, os.PathLike) and ("." in name or not name.endswith("_file")):
        raise TypeError(f"option {name}: only an option that ends in _file takes a path, such as client_secret_file")
    if isinstance(value, (str, os.PathLike)):
        return _encoded(os.fsdecode(value), f"option {name}: the value")
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return str(value).encode()
    if isinstance(value, float):
        return _seconds(value)
    if name in _LISTS and isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return _encoded(" ".join(value), f"option {name}: the value")
    from datetime import timedelta

    if isinstance(value, timedelta):
        return _seconds(value.total_seconds())
    types = "str, int, float, bool, timedelta or None" + (", or a list of str" if name in _LISTS else "")
    raise TypeError(f"option {name}: the value must be {types}, not {type(value).__name__}")


def _seconds(value: float) -> bytes:
    """Returns the number without an exponent, which the library does not read."""
    return f"{value:.9f}".rstrip("0").rstrip(".").encode()


def _encoded(text: str, what: str) -> bytes:
    """Returns the text in UTF-8, as C takes it. The text may be a secret, so no error shows it."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        encoded = None
    # Raised outside the handler: a UnicodeEncodeError holds the text, and must not become the context of this error.
    if encoded is None:
        raise error_of(TKS_INVALID_ARGUMENT, f"{what} contains half a surrogate pair, which is not valid text")
    if b"\0" in encoded:
        raise error_of(TKS_INVALID_ARGUMENT, f"{what} contains a NUL")
    return encoded
