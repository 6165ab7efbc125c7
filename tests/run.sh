#!/usr/bin/env bash
# Installs what the tests need on Debian 12 and runs them all. Needs root: each test makes namespaces of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || { echo "tests/run.sh: run it as root: the tests make network namespaces" >&2; exit 1; }

packages=(
  bind9-dnsutils
  binutils
  bridge-utils
  busybox-static
  conntrack
  curl
  dbus
  debootstrap
  docker.io
  firewalld
  gcc
  golang-go
  iproute2
  iptables
  iputils-ping
  kmod
  knot-dnsutils
  ldnsutils
  libc6-dev
  musl-tools
  nftables
  nodejs
  nsd
  openjdk-17-jdk-headless
  procps
  python3
  python3-dnspython
  tcpdump
  util-linux
  xz-utils
)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  echo "tests/run.sh: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # A freshly installed dockerd must not start here: tests start their own, in namespaces.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# Hosts of tests mount a directory of their own there; the machine is left without one if it had none.
[ -d /etc/netns ] || left=/etc/netns
status=0
cargo test --locked "$@" || status=$?
rmdir ${left:-} 2>/dev/null || true
exit "$status"
