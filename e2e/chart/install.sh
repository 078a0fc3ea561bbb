#!/usr/bin/env bash
# Helm, kubeconform, kube-score and the Pod Security library, built once into the cache. They need Go.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

exec node programs.ts
