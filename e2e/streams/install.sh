#!/usr/bin/env bash
# PostgreSQL and HAProxy. Quick when they are there.
set -euo pipefail

packages=(postgresql postgresql-client haproxy)

main() {
  local missing=() package
  for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  if [[ ${#missing[@]} == 0 ]]; then return; fi
  if [[ $(id -u) != 0 ]]; then
    echo "e2e/streams: packages are missing; install them: sudo apt-get install ${missing[*]}" >&2
    return 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # The cluster that Debian starts by itself is not wanted.
  mkdir -p /etc/postgresql-common/createcluster.d
  echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/sallyport-e2e.conf
  apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
}

is_installed() {
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

main
