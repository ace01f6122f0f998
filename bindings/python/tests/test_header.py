"""_header.py has what the header has, and every status has its exception."""

import ctypes
import re
from _ctypes import FUNCFLAG_PYTHONAPI

from conftest import REPOSITORY
from tokensource import _header, _library, errors

HEADER = (REPOSITORY / "include/tokensource.h").read_text()
CODE = re.sub(r"/\*.*?\*/|//[^\n]*", "", HEADER, flags=re.DOTALL)

SIMPLE = {
    "void": None,
    "const char *": ctypes.c_char_p,
    "tks_status": ctypes.c_int32,
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64,
    "double": ctypes.c_double,
    "size_t": ctypes.c_size_t,
}


def as_ctypes(declaration):
    kind = re.match(r"(?:const )?\w+ ?\**", declaration).group().strip()
    if kind in SIMPLE:
        return SIMPLE[kind]
    noun, stars = re.fullmatch(r"(?:const )?tks_(\w+) (\*+)", kind).groups()
    handle = getattr(_header, f"{noun.capitalize()}Handle")
    return handle if stars == "*" else ctypes.POINTER(handle)


def test_every_function_has_the_signature_of_the_header():
    functions = re.findall(r"^((?:const )?\w+ \*?)(tks_\w+)\(([^)]*)\);", CODE, re.MULTILINE)
    declared = {}
    for result, name, arguments in functions:
        arguments = [] if arguments == "void" else [as_ctypes(" ".join(each.split())) for each in arguments.split(",")]
        declared[name] = (as_ctypes(result), *arguments)
    assert len(declared) > 30
    assert declared == _header.PROTOTYPES


def test_the_fast_path_keeps_the_interpreter_lock():
    keeps = {name for name in _header.PROTOTYPES if getattr(_library.library, name)._flags_ & FUNCFLAG_PYTHONAPI}
    assert "tks_source_generation" in keeps
    assert not keeps & _header.MAY_WAIT


def test_every_number_is_that_of_the_header():
    numbers = {name: int(number) for name, number in re.findall(r"#define (TKS_[A-Z_]+) (\d+)$", HEADER, re.MULTILINE)}
    known = {name: value for name, value in vars(_header).items() if name.startswith("TKS_")}
    assert len(known) == 17
    assert {name: numbers[name] for name in known} == known
    # Versions aside, the header has no other number.
    assert {name for name in numbers.keys() - known.keys() if not name.startswith("TKS_VERSION_")} == set()


def test_every_status_has_its_exception():
    expected = {
        "TKS_INVALID_ARGUMENT": "ConfigError",
        "TKS_INVALID_CONFIG": "ConfigError",
        "TKS_NETWORK": "NetworkError",
        "TKS_TLS": "NetworkError",
        "TKS_TIMEOUT": "TokenTimeoutError",
        "TKS_HTTP": "HttpError",
        "TKS_OAUTH": "OAuthError",
        "TKS_BAD_RESPONSE": "ResponseError",
        "TKS_INTERNAL": "TokenSourceError",
        "TKS_CLOSED": "ClosedError",
        "TKS_UNKNOWN": "TokenSourceError",
    }
    for number in [*range(1, 10), 11, 12, -1]:
        name = _library.library.tks_status_name(number).decode()
        error = errors.error_of(number, "text")
        assert (type(error).__name__, error.status, str(error)) == (expected[name], number, "text")
    # An error that a test constructs has the number of its class.
    for kind in {errors.TokenSourceError, *errors._CLASSES.values()}:
        assert errors._CLASSES.get(kind.status, errors.TokenSourceError) is kind
    assert not issubclass(errors.HttpError, errors.OAuthError)
    assert issubclass(errors.ConfigError, ValueError)
    assert issubclass(errors.NetworkError, ConnectionError)
    assert issubclass(errors.TokenTimeoutError, TimeoutError)
