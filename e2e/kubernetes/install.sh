#!/usr/bin/env bash
# It needs what the clusters of the tests need.
set -euo pipefail
exec bash "$(dirname "${BASH_SOURCE[0]}")/../cluster/install.sh"
