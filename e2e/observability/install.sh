#!/usr/bin/env bash
# Prometheus, and promtool with it. The package's service is neither needed nor started.
set -euo pipefail

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then exit; fi
if ((EUID != 0)); then
  echo "e2e/observability: prometheus is missing; install it: apt-get install prometheus" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# RUNLEVEL: invoke-rc.d starts nothing in single-user mode.
RUNLEVEL=1 apt-get install -y -qq --no-install-recommends prometheus >/dev/null
