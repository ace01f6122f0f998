#!/bin/sh
# Runs the demos in C, Python and Node with token servers on this machine. The argument is the build directory of `make build`.
# Python and Node are optional.
set -eu

target=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
cargo build --locked --package tokensource-testserver --target-dir "$target"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -O2 -Iinclude bindings/c/demo.c -o "$work/demo" \
    -L"$target/release" -ltokensource -Wl,-rpath,"$target/release"

# Starts a server, which writes its URL to $work/url. It ends with its standard input, also when this script is killed.
serve() {
    rm -f "$work/url"
    mkfifo "$work/url"
    "$target/debug/tokensource-testserver" --until-stdin-closes "$@" < "$work/stdin" > "$work/url" 3>&- &
}

mkfifo "$work/stdin"
serve --dialect podero
exec 3> "$work/stdin"
read -r podero < "$work/url"
serve --dialect gardin
read -r gardin < "$work/url"
serve --dialect podero --expires-in 4 --delay 0.25
read -r short < "$work/url"

"$work/demo" "$podero" "$gardin" "$short" 3>&-

# The demos in Python and Node, if these are installed.
export TOKENSOURCE_LIBRARY="$target/release/libtokensource.so"
if python3 -c 'import sys; assert sys.version_info >= (3, 10)' 2> /dev/null; then
    PYTHONPATH=bindings/python/src PYTHONDONTWRITEBYTECODE=1 \
        python3 bindings/python/demo.py "$podero" "$gardin" 3>&-
else
    printf '\nPython\n  missing: python3, 3.10 or later; on Debian: apt-get install python3\n'
fi
if bindings/node/scripts/install "$target/node-demo" --omit=dev > "$work/npm.log" 2>&1 3>&-; then
    node "$target/node-demo/tree/demo.mjs" "$podero" "$gardin" 3>&-
else
    printf '\nNode\n'
    sed 's/^/  /; q' "$work/npm.log"
fi
