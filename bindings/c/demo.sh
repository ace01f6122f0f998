#!/bin/sh
# Compiles demo.c and runs it beside token servers on this machine. Its argument is the directory in which
# `make build testserver` has built.
set -eu

here=$(dirname "$0")
target=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -O2 -I"$here/../../include" "$here/demo.c" -o "$work/demo" \
    -L"$target/release" -ltokensource -Wl,-rpath,"$target/release"

# Starts a server whose URL can be read from $work/url. It ends with its standard input, however this script ends.
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
