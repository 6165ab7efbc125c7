#!/usr/bin/env bash
# Fuzzes one target: tests/fuzz/run.sh TARGET [libFuzzer's options, as -max_total_time=1800]. Needs cargo-fuzz and a nightly toolchain.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${1:?the target is missing: one of query, reply, zone, resolv_conf, message}
shift
fuzz=tests/fuzz
case $target in
  query | reply) words=wire ;;
  zone | resolv_conf | message) words=$target ;;
  *) echo "tests/fuzz/run.sh: no target $target" >&2; exit 1 ;;
esac
seeds=("$fuzz/seeds/$target")
[ "$target" != zone ] || seeds+=(zones zones/lab)

found="target/fuzz/found/$target" corpus="target/fuzz/corpus/$target"
mkdir -p "$found" "$corpus"
# The flags of RUSTFLAGS that cargo-fuzz sets take the place of the repository's: what it builds is not static.
exec cargo +nightly fuzz run --fuzz-dir $fuzz --target-dir target/fuzz "$target" "$corpus" "${seeds[@]}" -- \
  -dict="$fuzz/dict/$words" -artifact_prefix="$found/" -rss_limit_mb=2048 -timeout=10 "$@"
