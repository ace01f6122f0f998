# Everything that is built goes below target/, or to CARGO_TARGET_DIR.

TARGET := $(or $(CARGO_TARGET_DIR),target)
ABI := $(shell sed -n 's/.*TKS_ABI_VERSION: u32 = \([0-9]*\);/\1/p' src/ffi/library.rs)
CARGO := cargo
SONAME := libtokensource.so.$(ABI)

.PHONY: help build header readme command demo bench test clean testing-library servers \
    dist-so wheel npm asan tsan freeze

help:
	@echo 'make build    $(TARGET)/release/libtokensource.so and .a'
	@echo 'make header   rewrites include/tokensource.h from src/ffi'
	@echo 'make readme   rewrites the tables and examples in README.md from the code'
	@echo 'make demo     what the library does, in a screenful'
	@echo 'make command  $(TARGET)/release/tokensource, the command'
	@echo 'make wheel    $(TARGET)/wheel, the Python package'
	@echo 'make npm      $(TARGET)/npm, the Node packages'
	@echo 'make test     everything that can be tested here, stage by stage'
	@echo 'make freeze   keeps what this version promises in tests/abi, for all later ones to keep'
	@echo 'make asan     the C programs under AddressSanitizer and LeakSanitizer'
	@echo 'make tsan     the C programs under ThreadSanitizer'
	@echo 'make fuzz     every fuzzer for a minute, or SECONDS=...'
	@echo 'make bench    what it costs, beside what one would use instead'
	@echo 'make clean    removes what was built'

# The crate types by name: a build that makes an rlib beside them goes without link-time optimisation.
build:
	$(CARGO) rustc --locked --release --features capi --lib --crate-type cdylib,staticlib
	@ln -sf libtokensource.so $(TARGET)/release/$(SONAME)

header:
	TKS_WRITE_HEADER=1 $(CARGO) test --locked --features capi --test header what_the_source_makes

readme:
	TKS_WRITE_README=1 $(CARGO) test --locked --features capi --test readme what_is_made

# The command, which finds the library beside itself.
command: build
	$(CC) -std=c99 -Wall -Wextra -Wpedantic -O2 -Iinclude bindings/c/tokensource.c -o $(TARGET)/release/tokensource \
	    -L$(TARGET)/release -ltokensource -Wl,-rpath,'$$ORIGIN'

# What a program of this version is compiled with, and programs that see whether the promises are kept. Made anew until the
# version is out, and never after.
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
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
	@bindings/c/demo.sh $(TARGET)

clean:
	$(CARGO) clean

# A library that panics when the tests tell it to. Never shipped.
testing-library:
	$(CARGO) rustc --locked --features capi,testing --lib --crate-type cdylib --target-dir $(TARGET)/testing
	@ln -sf libtokensource.so $(TARGET)/testing/debug/$(SONAME)

# Real authorization servers, at pinned versions.
servers:
	@tests/servers/install $(TARGET)/servers

STAGES := tools format lint build rust c servers python node

test:
	@for stage in $(STAGES); do \
	    start=$$(date +%s); \
	    $(MAKE) --no-print-directory test-$$stage || exit 1; \
	    echo "=== $$stage: $$(($$(date +%s) - start)) s"; \
	done

.PHONY: $(STAGES:%=test-%)

test-tools:
	@missing=; \
	for tool in cargo cargo-clippy cargo-fmt cc c++ curl-config nm readelf valgrind; do \
	    command -v $$tool > /dev/null || missing="$$missing $$tool"; \
	done; \
	if [ -n "$$missing" ]; then \
	    echo "missing:$$missing"; \
	    echo 'On Debian: apt-get install build-essential libcurl4-openssl-dev valgrind; Rust with clippy and rustfmt from https://rustup.rs'; \
	    exit 1; \
	fi

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
	$(CARGO) test --locked --features testing --test header --test corpus --test c --test command --test examples \
	    --test readme

test-servers: servers
	$(CARGO) test --locked --features testing --test servers

# The library that is shipped, for every Linux with glibc 2.17 or later, and the packages that carry it.
dist-so:
	@bindings/python/dist-so $(TARGET)

wheel: dist-so
	@bindings/python/wheel $(TARGET)

npm: dist-so
	@bindings/node/pack $(TARGET)/dist-so/libtokensource.so $(TARGET)/npm LICENSE-MIT LICENSE-APACHE $(TARGET)/dist-so/LICENCES

test-python: build servers wheel
	$(CARGO) build --locked --package tokensource-testserver
	@bindings/python/test $(TARGET)

test-node: build servers npm
	$(CARGO) build --locked --package tokensource-testserver
	@bindings/node/check $(TARGET)
	@bindings/node/try-packed $(TARGET)/npm $(TARGET)/debug/tokensource-testserver

# The programs in tests/c under a sanitizer, each of which must first find what is planted.
asan tsan:
	@tests/sanitizers/run $@ $(TARGET)

# What the library costs, beside what one would use instead. Some minutes; other programs should be quiet.
bench: build
	$(CARGO) build --locked --release --package tokensource-testserver
	python3 benches/run.py $(TARGET)
	python3 bindings/python/bench/run.py $(TARGET)
	bindings/node/measure $(TARGET)

# Each fuzzer for so many seconds, and its statistics. What it finds to keep goes below target/; what fails, to
# fuzz/artifacts. The corpora in fuzz/corpus are run again by the tests. Needs cargo-fuzz.
FUZZERS := response dates options url abi
SECONDS := 60

.PHONY: fuzz
fuzz:
	@for fuzzer in $(FUZZERS); do \
	    mkdir -p $(TARGET)/fuzz/corpus/$$fuzzer; \
	    RUSTC_BOOTSTRAP=1 LSAN_OPTIONS=suppressions=$(CURDIR)/fuzz/threads.supp \
	        $(CARGO) fuzz run --target-dir $(TARGET)/fuzz $$fuzzer \
	        $(TARGET)/fuzz/corpus/$$fuzzer fuzz/corpus/$$fuzzer -- \
	        -max_total_time=$(SECONDS) -max_len=2048 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 || exit 1; \
	done
