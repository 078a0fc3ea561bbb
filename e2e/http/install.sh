#!/usr/bin/env bash
# HAProxy, to compare with.
set -euo pipefail

if command -v haproxy >/dev/null; then exit; fi
if [[ $(id -u) != 0 ]]; then
  echo "e2e/http: haproxy is missing; install it: sudo apt-get install haproxy" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --yes --no-install-recommends haproxy >/dev/null
