# Everything that is built goes below target/, or to CARGO_TARGET_DIR.

TARGET := $(or $(CARGO_TARGET_DIR),target)
ABI := $(shell sed -n 's/.*TKS_ABI_VERSION: u32 = \([0-9]*\);/\1/p' src/ffi/library.rs)
CARGO := cargo
SONAME := libtokensource.so.$(ABI)
VERSION := $(shell sed -n '/^version = /{s/.*"\(.*\)"/\1/p;q;}' Cargo.toml)

# What `make` alone makes, so that `make && sudo make install` does what it does elsewhere.
.DEFAULT_GOAL := command

.PHONY: help build header readme command demo bench test clean testing-library servers \
    dist-so wheel npm dist deny asan tsan install uninstall freeze

help:
	@echo 'make build    $(TARGET)/release/libtokensource.so and .a'
	@echo 'make header   rewrites include/tokensource.h from src/ffi'
	@echo 'make readme   rewrites the tables and examples in README.md from the code'
	@echo 'make demo     what the library does, in a screenful'
	@echo 'make command  $(TARGET)/release/tokensource, the command; so does make alone'
	@echo 'make install  what was built to PREFIX=/usr/local, LIBDIR=lib, below DESTDIR; make uninstall removes it'
	@echo 'make wheel    $(TARGET)/wheel, the Python package'
	@echo 'make npm      $(TARGET)/npm, the Node packages'
	@echo 'make dist     $(TARGET)/dist, all that a release hands out; make test-dist tries it too'
	@echo 'make test     everything that can be tested here, stage by stage; make test-STAGE one of them:'
	@echo '              $(STAGES)'
	@echo 'make servers  installs the servers of others that are tested against'
	@echo 'make deny     asks whose work the crates are, and where from'
	@echo 'make freeze   keeps what this version promises in tests/abi, for all later ones to keep'
	@echo 'make asan     the C programs under AddressSanitizer and LeakSanitizer'
	@echo 'make tsan     the C programs under ThreadSanitizer'
	@echo 'make fuzz     every fuzzer for a minute, or SECONDS=...'
	@echo 'make bench    what it costs, beside what one would use instead'
	@echo 'make clean    removes what was built'

# The crate types by name: a build that makes an rlib beside them goes without link-time optimisation.
build:
	$(CARGO) rustc --locked --release --features capi --lib --crate-type cdylib,staticlib
	@ln -sf libtokensource.so '$(TARGET)/release/$(SONAME)'

header:
	TKS_WRITE_HEADER=1 $(CARGO) test --locked --features capi --test header what_the_source_makes

readme:
	TKS_WRITE_README=1 $(CARGO) test --locked --features capi --test readme what_is_made

# The command, which finds the library beside itself, and in lib beside its bin where it is installed.
COMMAND_IN = -std=c99 -Wall -Wextra -Wpedantic -O2 -Iinclude cli/tokensource.c -o '$(1)/tokensource' \
    -L'$(1)' -ltokensource -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib'

command: build
	$(CC) $(call COMMAND_IN,$(TARGET)/release)

# Where to, and from where. DESTDIR is put before every path, for packagers. A relative LIBDIR is below PREFIX; one that is not
# lib there must be one that the loader knows.
PREFIX ?= /usr/local
LIBDIR ?= lib
FROM ?= $(TARGET)/release

# What the archive needs beside libc, as `cargo rustc --features capi --crate-type staticlib -- --print native-static-libs`
# says; without gcc_s, since every cc links that by itself, and under -static another one in its place.
NATIVE := util rt pthread m dl

IN_LIBDIR := $(SONAME).$(VERSION) $(SONAME) libtokensource.so libtokensource.a pkgconfig/tokensource.pc \
    cmake/tokensource/tokensource-config.cmake cmake/tokensource/tokensource-config-version.cmake
IN_PREFIX := include/tokensource.h include/tokensource.hpp bin/tokensource share/man/man1/tokensource.1 \
    share/doc/tokensource/LICENSE-MIT share/doc/tokensource/LICENSE-APACHE

install uninstall: prefix = $(DESTDIR)$(PREFIX)
install uninstall: lib = $(DESTDIR)$(if $(filter /%,$(LIBDIR)),,$(PREFIX)/)$(LIBDIR)

# Makes what is not there, and never makes again what is: root may have no cargo, and shall leave nothing in $(TARGET).
install:
	@[ -e '$(FROM)/tokensource' ] || $(MAKE) --no-print-directory command
	@newer=$$(find src include bindings/c build.rs Cargo.toml Cargo.lock -type f ! -name '*.md' \
	    -newer '$(FROM)/tokensource' | head -n 1); \
	if [ -n "$$newer" ]; then \
	    echo "$$newer is newer than what was built: make it again first"; \
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

# The loader has to be told what a system's directory has now. In a stage that is the packager's part, in a directory of
# one's own nobody's.
LDCONFIG = @if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ]; then PATH="$$PATH:/usr/sbin:/sbin" ldconfig; fi

# What a program of this version is compiled with, and programs that see whether the promises are kept. Made anew until the
# version is out, and never after.
FROZEN := tests/abi/$(VERSION)

freeze:
	@if [ -e $(FROZEN) ] && ! grep -q '^## $(VERSION), not released yet$$' CHANGELOG.md; then \
	    echo '$(FROZEN): $(VERSION) is released, and stays as it is' >&2; \
	    exit 1; \
	fi
	rm -rf $(FROZEN)
	mkdir $(FROZEN)
	cp include/tokensource.h $(patsubst %,tests/c/%,check.h abuse.c life.c threads.c unload.c) $(FROZEN)

demo: build
	@bindings/c/demo.sh '$(TARGET)'

clean:
	$(CARGO) clean

# A library that panics when the tests tell it to. Never shipped.
testing-library:
	$(CARGO) rustc --locked --features capi,testing --lib --crate-type cdylib --target-dir '$(TARGET)/testing'
	@ln -sf libtokensource.so '$(TARGET)/testing/debug/$(SONAME)'

# Real authorization servers, at pinned versions.
servers:
	@tests/servers/install '$(TARGET)/servers'

STAGES := tools format lint build rust c servers python node install said

# What the stages print, and what tests keep of errors, is searched for secrets by the last of them.
# Named from the root, for they run elsewhere too; not by abspath, which takes a path with a space for two.
SAID := $(if $(filter /%,$(TARGET)),,$(CURDIR)/)$(TARGET)/said

test:
	@rm -rf '$(SAID)'; mkdir -p '$(SAID)'
	@for stage in $(STAGES); do \
	    start=$$(date +%s); \
	    { TOKENSOURCE_LEAK_LOG='$(SAID)' $(MAKE) --no-print-directory test-$$stage 2>&1 && touch '$(SAID)'/$$stage.passed; } | \
	        tee -a '$(SAID)'/$$stage.out; \
	    [ -e '$(SAID)'/$$stage.passed ] || exit 1; \
	    echo "=== $$stage: $$(($$(date +%s) - start)) s"; \
	done

.PHONY: $(STAGES:%=test-%) test-dist

test-tools:
	@missing=; \
	for tool in cargo cargo-clippy cargo-fmt cc c++ clang++ curl-config nm readelf valgrind pkg-config cmake strace; do \
	    command -v $$tool > /dev/null || missing="$$missing $$tool"; \
	done; \
	if [ -n "$$missing" ]; then \
	    echo "missing:$$missing"; \
	    echo 'On Debian: apt-get install build-essential clang libcurl4-openssl-dev valgrind pkg-config cmake strace'; \
	    echo 'Rust with clippy and rustfmt: https://rustup.rs'; \
	    exit 1; \
	fi
	@$(MAKE) --no-print-directory servers

test-format:
	$(CARGO) fmt --all --check

test-lint:
	$(CARGO) clippy --locked --workspace --all-targets -- --deny warnings
	$(CARGO) clippy --locked --workspace --all-targets --features capi,testing -- --deny warnings

test-build: build

test-rust:
	$(CARGO) test --locked --workspace

test-c: testing-library
	$(CARGO) test --locked --features testing --lib -- ffi::
	$(CARGO) test --locked --features testing --test header --test corpus --test c --test cases --test hostile \
	    --test command --test examples --test readme

test-servers: servers
	$(CARGO) test --locked --features testing --test servers

# What is shipped, for every Linux with glibc 2.17 or later, and the packages that carry it.
dist-so:
	@packaging/build '$(TARGET)'
	@ln -sf libtokensource.so '$(TARGET)/dist-so/$(SONAME)'
	@ZIG_GLOBAL_CACHE_DIR='$(TARGET)/dist-so/zig-cache' '$(TARGET)/dist-so/venv/bin/python' -m ziglang cc \
	    -target $$(uname -m)-linux-gnu.2.17 -s $(call COMMAND_IN,$(TARGET)/dist-so)

wheel: dist-so
	@bindings/python/scripts/build '$(TARGET)'
	@python3 packaging/check.py '$(TARGET)'/wheel/*.whl '$(TARGET)'/wheel/*.tar.gz

npm: dist-so
	@bindings/node/scripts/build '$(TARGET)/dist-so' '$(TARGET)/npm' LICENSE-MIT LICENSE-APACHE
	@python3 packaging/check.py '$(TARGET)'/npm/*.tgz

# All that is handed to people, and its sums.
dist: deny wheel npm
	@rm -rf '$(TARGET)/dist'
	@mkdir -p '$(TARGET)/dist/wheel' '$(TARGET)/dist/npm'
	@packaging/tarballs '$(TARGET)' $(VERSION)
	@python3 packaging/check.py '$(TARGET)'/dist/*.tar.gz
	@cp '$(TARGET)'/wheel/*.whl '$(TARGET)'/wheel/*.tar.gz '$(TARGET)/dist/wheel'
	@cp '$(TARGET)'/npm/*.tgz '$(TARGET)/dist/npm'
	@cd '$(TARGET)/dist' && sha256sum *.tar.gz */* > SHA256SUMS

# Whose work the library is made of, and where from: licences, doubles, sources.
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

# What is handed out, as those have it to whom it is handed. Some minutes, and no stage of `make test`.
test-dist: dist
	$(CARGO) build --locked --package tokensource-testserver
	@packaging/smoke-test '$(TARGET)' $(VERSION)

# After all the others. What it searched, it tells.
test-said:
	TOKENSOURCE_LEAK_LOG='$(SAID)' STAGES='$(STAGES)' $(CARGO) test --locked --test said -- --include-ignored --show-output
	@! grep -q TOKENSOURCE_LEAK_LOG '$(TARGET)/release/libtokensource.so'

# The programs in tests/c under a sanitizer, each of which must first find what is planted.
asan tsan:
	@tests/sanitizers/run $@ '$(TARGET)'

# What the library costs, beside what one would use instead. Some minutes; other programs should be quiet.
bench: command
	$(CARGO) build --locked --release --package tokensource-testserver
	python3 benches/run.py '$(TARGET)'
	python3 bindings/python/scripts/bench '$(TARGET)'
	bindings/node/scripts/bench '$(TARGET)'

# Each fuzzer for so many seconds, and its statistics. What it finds to keep goes below target/; what fails, to
# fuzz/artifacts. The corpora in fuzz/corpus are run again by the tests. Needs cargo-fuzz.
FUZZERS := response dates options url abi
SECONDS := 60

.PHONY: fuzz
fuzz:
	@for fuzzer in $(FUZZERS); do \
	    mkdir -p '$(TARGET)'/fuzz/corpus/$$fuzzer; \
	    RUSTC_BOOTSTRAP=1 LSAN_OPTIONS='suppressions="$(CURDIR)/fuzz/threads.supp"' \
	        $(CARGO) fuzz run --target-dir '$(TARGET)/fuzz' $$fuzzer \
	        '$(TARGET)'/fuzz/corpus/$$fuzzer fuzz/corpus/$$fuzzer -- \
	        -max_total_time=$(SECONDS) -max_len=2048 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 || exit 1; \
	done
