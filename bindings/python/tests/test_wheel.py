"""The wheel as a user gets it: in an empty environment, in another directory, without the source tree."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile

import pytest

from conftest import REPOSITORY, needed

pytestmark = pytest.mark.once

# Without the variables of the tests, which name the source tree and another library.
CLEAN = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def run(*command, cwd, **more):
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=CLEAN, check=True, capture_output=True, text=True, **more
    )


def installed(wheel, folder):
    """Returns the interpreter of a new environment that has this wheel and nothing else."""
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv/bin/python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--no-index", wheel, cwd=folder)
    return python


@pytest.fixture(scope="module")
def wheels():
    return needed("TOKENSOURCE_WHEELS")


def test_the_wheel_works_without_the_source_tree(wheels, tmp_path, serve):
    (wheel,) = wheels.glob("*.whl")
    assert re.fullmatch(r"tokensource-[\d.]+-py3-none-manylinux2014_\w+\.whl", wheel.name)
    python = installed(wheel, tmp_path)
    url = serve(arguments=("--dialect", "podero")).url
    program = "import tokensource; print(open('/proc/self/maps').read(), tokensource.__file__)"
    shown = run(python, "-c", program, cwd=tmp_path).stdout
    assert str(tmp_path / "venv/lib") in shown
    assert "libtokensource.so" in shown
    assert str(REPOSITORY) not in shown
    client = ["client_id=test-client", "client_secret=test-secret"]
    got = run(python, "-m", "tokensource", "get", "provider=podero", f"token_url={url}", *client, cwd=tmp_path)
    assert (len(got.stdout), got.stderr) == (31, "")


def test_pyinstaller_freezes_a_program_with_the_library(wheels, tmp_path, serve):
    (wheel,) = wheels.glob("*.whl")
    site = tmp_path / "site"
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--target", site, wheel, cwd=tmp_path)
    (tmp_path / "app.py").write_text(
        "import sys, tokensource\n"
        'source = tokensource.TokenSource(token_url=sys.argv[1], client_id="id", client_secret="test-secret")\n'
        "print(source.token().access_token)\n"
    )
    freeze = [sys.executable, "-m", "PyInstaller", "--log-level=ERROR", "--onefile", "app.py"]
    frozen = subprocess.run(
        freeze, cwd=tmp_path, env={**CLEAN, "PYTHONPATH": str(site)}, capture_output=True, text=True, check=False
    )
    assert frozen.returncode == 0, frozen.stderr
    assert run(tmp_path / "dist/app", serve().url, cwd=tmp_path).stdout == "token-1\n"


def test_the_wheel_names_the_licence_of_every_part(wheels):
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        (licences,) = (name for name in files.namelist() if name.endswith("/licenses/LICENCES"))
        text = files.read(licences).decode()
    for name in ("ring", "rustls", "ureq", "webpki-roots", "The Rust standard library"):
        assert re.search(rf"^{name}\b.*: (LICENSE|COPYRIGHT)", text, re.MULTILINE), name
    assert len(text) < 1_000_000


def test_the_sdist_builds_from_itself(wheels, tmp_path, serve):
    (sdist,) = wheels.glob("*.tar.gz")
    with tarfile.open(sdist) as files:
        files.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (source,) = tmp_path.glob("tokensource-*")
    # cargo takes files with the old times of the sdist for already built.
    for file in source.rglob("*"):
        os.utime(file)
    # Without optimisation, which changes nothing here. The next run reuses the dependencies.
    quickly = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0"}
    quickly |= {"CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16", "CARGO_TARGET_DIR": str(wheels / "sdist-build")}
    # cargo needs these to find itself.
    quickly |= {name: os.environ[name] for name in ("CARGO_HOME", "RUSTUP_HOME") if name in os.environ}
    hatchling = wheels / "venv/bin/hatchling"
    subprocess.run([hatchling, "build", "--target", "wheel"], cwd=source, env=CLEAN | quickly, check=True)
    (wheel,) = (source / "dist").glob("*.whl")
    assert "-py3-none-linux_" in wheel.name
    python = installed(wheel, tmp_path)
    client = [f"token_url={serve().url}", "client_id=id", "client_secret=horse-battery"]
    assert run(python, "-m", "tokensource", "get", *client, cwd=tmp_path).stdout == "token-1\n"
