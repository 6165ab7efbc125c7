#!/usr/bin/env bash
# tests/mutants.sh MODULE... [-- FLAGS]: breaks the pure modules in every way that cargo-mutants knows, and counts what
# their tests do not see. MODULE is a path below src (`ipam`, `resolver/answer`), FLAGS are cargo-mutants' own.
#
# The whole program takes minutes to build for each mutant. The pure layers stand alone, so they are copied into a crate of
# their own, in $MUTANTS, with the tests that need no kernel: a mutant takes two seconds there. That directory is kept, with
# each module's mutants.out: `-- --iterate` tries again what was missed.
set -euo pipefail
cd "$(dirname "$0")/.."

layers=(model ipam zone registry plan driver decide etc channel)
modules=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do modules+=("$1"); shift; done
[ $# -eq 0 ] || shift
[ "${#modules[@]}" -gt 0 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
command -v cargo-mutants >/dev/null || { echo "tests/mutants.sh: cargo install cargo-mutants first" >&2; exit 1; }

# Outside the repository, whose configuration of cargo makes static programs, which link slowly.
out=${MUTANTS:-${TMPDIR:-/tmp}/netdns-mutants}
crate=$out/crate
# Files are copied as new ones: cargo would take an older one for what a mutant left built.
rm -rf "$crate/src" "$crate/tests" "$crate/zones"
mkdir -p "$crate/src/resolver" "$crate/tests/firewall"
cp Cargo.lock "$crate/"
cp -r zones "$crate/"

for layer in "${layers[@]}"; do
  cp -r "src/$layer.rs" "$crate/src/"
  [ ! -d "src/$layer" ] || cp -r "src/$layer" "$crate/src/"
done
# The resolver's pure modules are those that it shows, but for the one that starts it.
pure=$(sed -n 's/^pub mod \(.*\);/\1/p' src/resolver.rs | grep -vx process)
{ echo '//! Its pure modules.'; for module in $pure; do echo "pub mod $module;"; done; } > "$crate/src/resolver.rs"
for module in $pure; do
  cp "src/resolver/$module.rs" "$crate/src/resolver/"
  [ ! -d "src/resolver/$module" ] || cp -r "src/resolver/$module" "$crate/src/resolver/"
done
{ echo '//! The pure layers.'; for layer in "${layers[@]}" resolver; do echo "pub mod $layer;"; done; } > "$crate/src/lib.rs"

cp -r tests/golden tests/script "$crate/tests/"
cp tests/firewall/states.rs tests/firewall/text.rs "$crate/tests/firewall/"
printf '//! What needs no kernel.\n\nmod firewall {\n    pub mod states;\n    mod text;\n}\n' > "$crate/tests/firewall.rs"

{
  # The package and its dependencies as they are, without targets, lints and packaging.
  awk '/^\[/ { keep = /^\[(package|dependencies|dev-dependencies)\]/ } keep' Cargo.toml | grep -Ev '^(default-run|readme)'
  printf '\n[lib]\ndoctest = false\n\n[workspace]\n\n[profile.dev]\ndebug = 0\n'
  # Properties draw faster.
  printf '[profile.dev.package."*"]\nopt-level = 1\n'
} > "$crate/Cargo.toml"

for module in "${modules[@]}"; do
  [ -e "$crate/src/$module.rs" ] || { echo "tests/mutants.sh: $module is no pure module" >&2; exit 2; }
  name=${module//\//-}
  case $module in
    driver* | plan*) tests=(--test firewall) ;;
    resolver*) tests=(--test script) ;;
    *) tests=() ;;
  esac
  status=0
  cargo mutants --dir "$crate" --in-place --output "$out/$name" --timeout 20 --colors never --no-times \
    --file "src/$module.rs" --file "src/$module/**" "$@" -- --lib "${tests[@]}" || status=$?
  # 2 and 3: some were missed, or ran out of time. Others are errors of our own.
  case $status in 0 | 2 | 3) ;; *) exit "$status" ;; esac
  cd "$out/$name/mutants.out"
  count() { cat "$@" | wc -l; }
  echo "$module: caught $(count caught.txt timeout.txt), missed $(count missed.txt), unviable $(count unviable.txt): $PWD/missed.txt"
  cd "$OLDPWD"
done
