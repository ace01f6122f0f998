# Builds, installs, tests and packs everything. What is built goes below target/, or below CARGO_TARGET_DIR. `make help`
# lists the goals.

TARGET := $(or $(CARGO_TARGET_DIR),target)
ABI := $(shell sed -n 's/.*TKS_ABI_VERSION: u32 = \([0-9]*\);/\1/p' src/ffi/library.rs)
CARGO := cargo
SONAME := libtokensource.so.$(ABI)
VERSION := $(shell sed -n '/^version = /{s/.*"\(.*\)"/\1/p;q;}' Cargo.toml)

# `make` alone builds what `make install` installs, as in other projects.
.DEFAULT_GOAL := command

# Absolute, since the stages run elsewhere too. Not by abspath, which takes a path with a space for two paths.
TARGET_PATH := $(if $(filter /%,$(TARGET)),,$(CURDIR)/)$(TARGET)

# Where packaging/nodejs installs Node on a machine that has none or an old one.
export PATH := $(TARGET_PATH)/nodejs/bin:$(PATH)

.PHONY: help build header readme command demo bench check check-long test clean testing-library nodejs servers \
    dist-so wheel npm dist deny asan tsan install uninstall freeze fuzz soak

help:
	@echo 'make demo        gets a token of each dialect, in C, and in Python and Node where they are installed'
	@echo 'make check       installs the Debian packages that the tests need, then runs every test, stage by stage'
	@echo 'make test        the same, but only lists the Debian packages that are missing; make test-STAGE runs one stage:'
	@echo '                 $(STAGES)'
	@echo 'make check-long  what takes longer: $(LONG_STAGES:test-%=%)'
	@echo
	@echo 'make build       $(TARGET)/release/libtokensource.so and .a'
	@echo 'make command     $(TARGET)/release/tokensource, the command; make alone does the same'
	@echo 'make install     installs the build to PREFIX=/usr/local, LIBDIR=lib, below DESTDIR; make uninstall removes it'
	@echo 'make wheel       $(TARGET)/wheel, the Python package'
	@echo 'make npm         $(TARGET)/npm, the Node packages'
	@echo 'make dist        $(TARGET)/dist, every file of a release; make test-dist tests them'
	@echo
	@echo 'make header      rewrites include/tokensource.h from src/ffi'
	@echo 'make readme      rewrites the tables and examples in the pages from the code'
	@echo 'make freeze      stores the interface of this version in tests/abi, which later versions must keep'
	@echo 'make servers     installs the third-party servers that the tests use'
	@echo 'make deny        checks licences, duplicates and sources of the crates'
	@echo 'make asan        runs the C programs under AddressSanitizer and LeakSanitizer'
	@echo 'make tsan        runs the C programs under ThreadSanitizer'
	@echo 'make fuzz        runs each fuzzer for SECONDS=$(SECONDS)'
	@echo 'make soak        keeps 1,000 sources busy for SECONDS=$(SECONDS)'
	@echo 'make bench       measures what the library costs, next to its peers'
	@echo 'make clean       removes what was built'

# The crate types are named because a build that also makes an rlib goes without link-time optimisation.
build:
	$(CARGO) rustc --locked --release --features capi --lib --crate-type cdylib,staticlib
	@ln -sf libtokensource.so '$(TARGET)/release/$(SONAME)'

header:
	TKS_WRITE_HEADER=1 $(CARGO) test --locked --features capi --test header the_header_is_current

readme:
	TKS_WRITE_README=1 $(CARGO) test --locked --features capi --test readme what_is_made_from_the_code_is_current

# The command finds the library in its own directory, or in ../lib once it is installed.
COMMAND_IN = -std=c99 -Wall -Wextra -Wpedantic -O2 -Iinclude cli/tokensource.c -o '$(1)/tokensource' \
    -L'$(1)' -ltokensource -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib'

command: build
	$(CC) $(call COMMAND_IN,$(TARGET)/release)

# The destination and the origin of an installation. DESTDIR goes before every path, for packagers. A relative LIBDIR is below
# PREFIX. A LIBDIR other than PREFIX/lib must be a directory that the loader searches.
PREFIX ?= /usr/local
LIBDIR ?= lib
FROM ?= $(TARGET)/release

# The libraries that the archive needs in addition to libc, from `cargo rustc --features capi --crate-type staticlib --
# --print native-static-libs`. Without gcc_s: every cc links that by itself, and under -static another one in its place.
NATIVE := util rt pthread m dl

IN_LIBDIR := $(SONAME).$(VERSION) $(SONAME) libtokensource.so libtokensource.a pkgconfig/tokensource.pc \
    cmake/tokensource/tokensource-config.cmake cmake/tokensource/tokensource-config-version.cmake
IN_PREFIX := include/tokensource.h include/tokensource.hpp bin/tokensource share/man/man1/tokensource.1 \
    share/doc/tokensource/LICENSE-MIT share/doc/tokensource/LICENSE-APACHE

install uninstall: prefix = $(DESTDIR)$(PREFIX)
install uninstall: lib = $(DESTDIR)$(if $(filter /%,$(LIBDIR)),,$(PREFIX)/)$(LIBDIR)

# Builds only where nothing was built: root may have no cargo, and must leave no files of its own in $(TARGET).
install:
	@[ -e '$(FROM)/tokensource' ] || $(MAKE) --no-print-directory command
	@newer=$$(find src include bindings/c cli build.rs Cargo.toml Cargo.lock -type f ! -name '*.md' \
	    -newer '$(FROM)/tokensource' | head -n 1); \
	if [ -n "$$newer" ]; then \
	    echo "$$newer is newer than the build: run make first"; \
	    exit 1; \
	fi
	install -D -m 755 '$(FROM)/libtokensource.so' '$(lib)/$(SONAME).$(VERSION)'
	ln -sf $(SONAME).$(VERSION) '$(lib)/$(SONAME)'
	ln -sf $(SONAME) '$(lib)/libtokensource.so'
	install -m 644 '$(FROM)/libtokensource.a' '$(lib)'
	install -D -m 644 bindings/c/tokensource.pc.in '$(lib)/pkgconfig/tokensource.pc'
	for name in tokensource-config tokensource-config-version; do \
	    install -D -m 644 bindings/c/$$name.cmake.in '$(lib)/cmake/tokensource'/$$name.cmake || exit 1; \
	done
	sed -i "s|@VERSION@|$(VERSION)|; s|@SONAME@|$(SONAME)|; \
	    s|@FLAGS@|$(NATIVE:%=-l%)|; s|@LIBRARIES@|$(subst $() ,;,$(NATIVE))|; \
	    s|@PREFIX@|$$(realpath -ms --relative-to='$(lib)' '$(prefix)')|" \
	    '$(lib)/pkgconfig/tokensource.pc' '$(lib)/cmake/tokensource'/*.cmake
	install -D -m 644 -t '$(prefix)/include' include/tokensource.h bindings/c/tokensource.hpp
	install -D -m 755 -t '$(prefix)/bin' '$(FROM)/tokensource'
	install -D -m 644 -t '$(prefix)/share/man/man1' cli/tokensource.1
	install -D -m 644 -t '$(prefix)/share/doc/tokensource' LICENSE-MIT LICENSE-APACHE
	$(LDCONFIG)

uninstall:
	rm -f $(IN_LIBDIR:%='$(lib)/%') $(IN_PREFIX:%='$(prefix)/%')
	for own in '$(lib)/cmake/tokensource' '$(prefix)/share/doc/tokensource'; do \
	    ! [ -d "$$own" ] || rmdir --ignore-fail-on-non-empty "$$own"; \
	done
	$(LDCONFIG)

# Makes the loader read its directories again. Below DESTDIR that is the packager's job, and without root's rights the
# directory is none that the loader searches.
LDCONFIG = @if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ]; then PATH="$$PATH:/usr/sbin:/sbin" ldconfig; fi

# The header of this version, and programs that test its promises. Later versions must run them. Rewritten until the version
# is released, and never after.
FROZEN := tests/abi/$(VERSION)

freeze:
	@if [ -e $(FROZEN) ] && ! grep -q '^## $(VERSION), not released yet$$' CHANGELOG.md; then \
	    echo '$(FROZEN): $(VERSION) is released and must not change' >&2; \
	    exit 1; \
	fi
	rm -rf $(FROZEN)
	mkdir $(FROZEN)
	cp include/tokensource.h $(patsubst %,tests/c/%,check.h abuse.c life.c threads.c unload.c) $(FROZEN)

demo: build
	@bindings/c/demo.sh '$(TARGET)'

clean:
	$(CARGO) clean

# A library that panics when a test asks for it. Never shipped.
testing-library:
	$(CARGO) rustc --locked --features capi,testing --lib --crate-type cdylib --target-dir '$(TARGET)/testing'
	@ln -sf libtokensource.so '$(TARGET)/testing/debug/$(SONAME)'

# Node 20 or later, from PyPI where PATH has none.
nodejs:
	@packaging/nodejs '$(TARGET)'

# Third-party authorization servers, at pinned versions.
servers: nodejs
	@tests/servers/install '$(TARGET)/servers'

STAGES := tools format lint build rust c servers python node install leaks
LONG_STAGES := test-dist asan tsan fuzz soak bench

# The output of each stage, and the errors that the tests of a stage have seen. The stage `leaks` searches all of it for
# secrets.
LEAK_LOG := $(TARGET_PATH)/leak-log

test:
	@TOKENSOURCE_LEAK_LOG='$(LEAK_LOG)' MAKE='$(MAKE)' tests/stages '$(LEAK_LOG)' $(STAGES:%=test-%)

# For the stage `tools`.
check: export INSTALL_PACKAGES := install
check: test

check-long:
	@packaging/debian-packages check-long install
	@MAKE='$(MAKE)' tests/stages '$(TARGET)/check-long' $(LONG_STAGES)

.PHONY: $(STAGES:%=test-%) test-dist

test-tools:
	@packaging/debian-packages check $(INSTALL_PACKAGES)
	@$(MAKE) --no-print-directory servers

test-format:
	$(CARGO) fmt --all --check

test-lint:
	$(CARGO) clippy --locked --workspace --all-targets -- --deny warnings
	$(CARGO) clippy --locked --workspace --all-targets --features capi,testing -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' $(CARGO) doc --locked --workspace --no-deps
	RUSTDOCFLAGS='--deny warnings' $(CARGO) doc --locked --workspace --no-deps --features capi --document-private-items

test-build: build

test-rust:
	$(CARGO) test --locked --workspace

test-c: testing-library
	$(CARGO) test --locked --features testing --lib -- ffi::
	$(CARGO) test --locked --features testing --test header --test corpus --test cases --test hostile --test credentials \
	    --test c --test command --test examples --test readme

test-servers: servers
	$(CARGO) test --locked --features testing --test servers

# The library of a release, for every Linux with glibc 2.17 or later, and the packages that contain it.
dist-so:
	@packaging/build '$(TARGET)'
	@ln -sf libtokensource.so '$(TARGET)/dist-so/$(SONAME)'
	@ZIG_GLOBAL_CACHE_DIR='$(TARGET)/dist-so/zig-cache' '$(TARGET)/dist-so/venv/bin/python' -m ziglang cc \
	    -target $$(uname -m)-linux-gnu.2.17 -s $(call COMMAND_IN,$(TARGET)/dist-so)

wheel: dist-so
	@bindings/python/scripts/build '$(TARGET)'
	@python3 packaging/check.py '$(TARGET)'/wheel/*.whl '$(TARGET)'/wheel/*.tar.gz

npm: dist-so nodejs
	@bindings/node/scripts/build '$(TARGET)'
	@python3 packaging/check.py '$(TARGET)'/npm/*.tgz

# Every file of a release, and their checksums.
dist: deny wheel npm
	@rm -rf '$(TARGET)/dist'
	@mkdir -p '$(TARGET)/dist/wheel' '$(TARGET)/dist/npm'
	@packaging/tarballs '$(TARGET)' $(VERSION)
	@python3 packaging/check.py '$(TARGET)'/dist/*.tar.gz
	@cp '$(TARGET)'/wheel/*.whl '$(TARGET)'/wheel/*.tar.gz '$(TARGET)/dist/wheel'
	@cp '$(TARGET)'/npm/*.tgz '$(TARGET)/dist/npm'
	@cd '$(TARGET)/dist' && sha256sum *.tar.gz */* > SHA256SUMS

# Licences, duplicates and sources of the crates.
deny:
	@packaging/deny '$(TARGET)'

test-python: build servers wheel
	$(CARGO) build --locked --package tokensource-testserver
	@bindings/python/scripts/test '$(TARGET)'

test-node: build servers
	$(CARGO) build --locked --package tokensource-testserver
	@bindings/node/scripts/test '$(TARGET)'

test-install: command wheel npm
	$(CARGO) build --locked --package tokensource-testserver
	@tests/install/run '$(TARGET)'
	@python3 packaging/test_check.py '$(TARGET)'

# Tests the release artifacts the way users receive them. Takes some minutes, so it is no stage of `make check`.
test-dist: dist
	$(CARGO) build --locked --package tokensource-testserver
	@packaging/smoke-test '$(TARGET)' $(VERSION)

# The last stage: it searches what the others printed, and lists it.
test-leaks:
	TOKENSOURCE_LEAK_LOG='$(LEAK_LOG)' STAGES='$(STAGES)' \
	    $(CARGO) test --locked --test secret_leaks -- --include-ignored --show-output
	@! grep -q TOKENSOURCE_LEAK_LOG '$(TARGET)/release/libtokensource.so'

# The programs in tests/c under a sanitizer, which must first find planted faults.
asan tsan:
	@tests/sanitizers/run $@ '$(TARGET)'

# Takes some minutes. Other programs should be idle.
bench: command nodejs
	$(CARGO) build --locked --release --package tokensource-testserver
	python3 benches/run.py '$(TARGET)'
	python3 bindings/python/scripts/bench '$(TARGET)'
	bindings/node/scripts/bench '$(TARGET)'

# 1,000 sources whose tokens live for 5 s, and 200 threads. Prints the calls, waits and memory, and fails on any error.
soak: build
	$(CARGO) build --locked --release --package tokensource-testserver
	@tests/soak/run '$(TARGET)' $(SECONDS)

# Runs each fuzzer for SECONDS and prints its statistics. New inputs go below target/, failing ones to fuzz/artifacts. The
# tests run the corpora in fuzz/corpus.
FUZZERS := response dates options url redact metadata provider key der abi
SECONDS := 60

fuzz:
	@packaging/cargo-tool '$(TARGET)/cargo-fuzz' cargo-fuzz 0.13.2
	@for fuzzer in $(FUZZERS); do \
	    mkdir -p '$(TARGET)'/fuzz/corpus/$$fuzzer; \
	    PATH='$(TARGET_PATH)/cargo-fuzz/bin':"$$PATH" RUSTC_BOOTSTRAP=1 LSAN_OPTIONS='suppressions="$(CURDIR)/fuzz/threads.supp"' \
	        $(CARGO) fuzz run --target-dir '$(TARGET)/fuzz' $$fuzzer \
	        '$(TARGET)'/fuzz/corpus/$$fuzzer fuzz/corpus/$$fuzzer -- \
	        -max_total_time=$(SECONDS) -max_len=2048 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 || exit 1; \
	done
