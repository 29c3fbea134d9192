#!/usr/bin/env bash
# Puts Istio's discovery server into .real-parts/, behind the program of test/support/istiod, and prints its path: a real istiod to compare with, built
# from Istio's own source through the Go module proxy (some six minutes of one core, once; Go keeps what it built). Does nothing where it already is. Needs Go.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source="$PWD/test/support/istiod/main.go"
istiod="$PWD/.real-parts/istiod"
mkdir -p .real-parts
if ! [ -x "$istiod" ] || [ "$source" -nt "$istiod" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cp "$source" "$work"
  cd "$work"
  export GOFLAGS=-mod=mod GOWORK=off
  # Istio's development head, towards 1.32. The modules that it takes between two releases are taken as released.
  cat > go.mod <<'MOD'
module istiod

go 1.26

require istio.io/istio v0.0.0-20260827124520-eed52ebb66ad

replace (
	github.com/envoyproxy/go-control-plane/contrib => github.com/envoyproxy/go-control-plane/contrib v1.36.1-0.20260729145720-a2d8c7492908
	github.com/envoyproxy/go-control-plane/envoy => github.com/envoyproxy/go-control-plane/envoy v1.40.0
	istio.io/api => istio.io/api v1.31.1
	istio.io/client-go => istio.io/client-go v1.31.1
)
MOD
  go mod tidy >&2
  go build -trimpath -ldflags '-s -w' -o "$istiod.new" . >&2
  mv "$istiod.new" "$istiod"
fi
printf '%s\n' "$istiod"
