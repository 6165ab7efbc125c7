#!/usr/bin/env bash
# Installs what the tests need on Debian 12 and runs them all. Needs root: each test makes namespaces of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || { echo "tests/run.sh: run it as root: the tests make network namespaces" >&2; exit 1; }

packages=(bridge-utils curl dnsutils docker.io iproute2 iptables iputils-ping kmod libcap2-bin musl-tools nftables
  procps python3 tcpdump util-linux)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  echo "tests/run.sh: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # A freshly installed dockerd must not start here: tests start their own, in namespaces.
  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

cargo test --locked "$@"
