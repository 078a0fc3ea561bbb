#!/usr/bin/env bash
# WCF on Mono. Quick when it is there.
set -euo pipefail

packages=(mono-runtime mono-mcs libmono-system-servicemodel4.0a-cil libmono-system-runtime-serialization4.0-cil)

main() {
  local missing=() package
  for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  if [[ ${#missing[@]} == 0 ]]; then return; fi
  if [[ $(id -u) != 0 ]]; then
    echo "e2e/net-tcp: packages are missing; install them: sudo apt-get install ${missing[*]}" >&2
    return 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
}

is_installed() {
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

main
