#!/usr/bin/env bash
# wrk makes load, slowhttptest makes trouble, haproxy balances over two R1s.
set -euo pipefail
missing=()
for package in wrk slowhttptest haproxy; do command -v "$package" >/dev/null || missing+=("$package"); done
if ((${#missing[@]} == 0)); then exit 0; fi
if ((EUID != 0)); then
  echo "e2e/load needs ${missing[*]}; install them: apt-get install ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
