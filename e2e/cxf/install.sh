#!/usr/bin/env bash
# Java, Maven, and the build of service and client in target/. Quick when all is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# Any JDK from 17 on will do; Debian 12 has 17.
packages=(default-jdk-headless maven)

main() {
  if ! has javac || ! has keytool || ! has mvn; then install_packages; fi
  local sources
  sources=$(sources_digest)
  if [[ -e target/built && $(<target/built) == "$sources" ]]; then return; fi
  rm -rf target
  # What the local repository has needs no network.
  build --offline >/dev/null 2>&1 || build
  echo "$sources" >target/built
}

has() {
  command -v "$1" >/dev/null
}

build() {
  mvn --batch-mode --quiet --no-transfer-progress "$@" compile
}

sources_digest() {
  find pom.xml install.sh src -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum
}

install_packages() {
  if [[ $(id -u) != 0 ]]; then
    echo "e2e/cxf: Java or Maven is missing; install them: sudo apt-get install ${packages[*]}" >&2
    return 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq --yes --no-install-recommends "${packages[@]}" >/dev/null
}

main
