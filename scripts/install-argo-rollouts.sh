#!/usr/bin/env bash
# Puts the real controller of Argo Rollouts and its CRDs into .real-parts/, and prints their paths. Both come from its Go module; the controller is
# built (some six minutes of one core, once; Go keeps what it built). Does nothing where they already are. Needs Go.
set -euo pipefail
version=1.10.2
cd "$(dirname "${BASH_SOURCE[0]}")/.."
parts="$PWD/.real-parts"
controller="$parts/argo-rollouts-$version"
crds="$parts/argo-crds-$version.yaml"
mkdir -p "$parts"
work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
export GOFLAGS=-mod=mod GOWORK=off

if ! [ -x "$controller" ] || ! [ -f "$crds" ]; then
  # It asks for a patch release of Go that may be newer than the one here, and uses nothing of it: downloaded it is even so.
  (cd "$work" && go mod download "github.com/argoproj/argo-rollouts@v$version" >&2) || true
  cp -r "$(go env GOMODCACHE)/github.com/argoproj/argo-rollouts@v$version" "$work/source"
  chmod -R u+w "$work/source"
fi
if ! [ -f "$crds" ]; then
  for crd in "$work"/source/manifests/crds/*-crd.yaml; do printf -- '---\n'; cat "$crd"; done > "$crds.new"
  mv "$crds.new" "$crds"
fi
if ! [ -x "$controller" ]; then
  (
    cd "$work/source"
    sed -i -E 's/^go ([0-9]+\.[0-9]+)\.[0-9]+$/go \1/' go.mod
    go build -trimpath -ldflags '-s -w' -o "$controller.new" ./cmd/rollouts-controller >&2
  )
  mv "$controller.new" "$controller"
fi
printf '%s\n' "$controller" "$crds"
