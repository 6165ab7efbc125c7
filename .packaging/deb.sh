#!/usr/bin/env bash
# Makes the Debian package out of a program, by default the release build, and prints its path:
#
#   .packaging/deb.sh [--no-build] [PROFILE [OUTPUT]]
#
# Manual pages and completions come out of the program itself, so that they cannot differ from it. cargo-deb writes the
# archive, and is installed if it is not there.
set -euo pipefail
cd "$(dirname "$0")/.."

build=yes
if [ "${1:-}" = --no-build ]; then
  build=no
  shift
fi
profile=${1:-release}
output=${2:-$PWD/target/debian/}
target=$(rustc -vV | sed -n 's/^host: //p')
directory=$profile
[ "$profile" = dev ] && directory=debug

command -v cargo-deb >/dev/null || cargo install cargo-deb --version 3.8.0 --locked --debug --no-default-features >&2

[ "$build" = no ] || cargo build --locked --profile "$profile" --bin netdns >&2
program=target/$target/$directory/netdns

made=target/package
rm -rf "$made"
mkdir -p "$made"
"$program" man "$made/man" >&2
gzip -9n "$made"/man/*.1
for shell in bash zsh fish; do
  "$program" completion "$shell" > "$made/netdns.$shell"
done

cargo deb --locked --no-build --fast --target "$target" --profile "$profile" --output "$output"
