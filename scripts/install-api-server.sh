#!/usr/bin/env bash
# Puts a real kube-apiserver, the etcd it stores in and Istio's CRDs into .real-parts/, and prints their paths. The one is built from Kubernetes' own
# source through the Go module proxy (some four minutes, once; Go keeps what it built), the other comes out of Debian's package.
# Does nothing where they already are. Needs Go and apt-get; nothing is installed into the system.
set -euo pipefail
version=1.36.3
cd "$(dirname "${BASH_SOURCE[0]}")/.."
parts="$PWD/.real-parts"
mkdir -p "$parts"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! [ -x "$parts/etcd" ]; then
  (
    cd "$work"
    apt-get download -qq etcd-server >&2 || { apt-get update -qq >&2 && apt-get download -qq etcd-server >&2; }
    dpkg-deb -x etcd-server_*.deb etcd
  )
  mv "$work/etcd/usr/bin/etcd" "$parts/etcd.new"
  mv "$parts/etcd.new" "$parts/etcd"
fi

if [ "$("$parts/kube-apiserver" --version 2>/dev/null)" != "Kubernetes v$version" ]; then
  mkdir "$work/server"
  cd "$work/server"
  cat > main.go <<'GO'
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
GO
  export GOFLAGS=-mod=mod GOWORK=off
  source=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -nE 's/^\s*"Dir": "(.*)",?$/\1/p')
  {
    printf 'module api-server\n\ngo 1.26\n\nrequire k8s.io/kubernetes v%s\n\nreplace (\n' "$version"
    # Kubernetes' go.mod takes its staging modules from folders beside it; outside they have versions of their own.
    sed -nE "s#^\s*(k8s\.io/[a-z-]+) => \./staging/.*#\t\1 => \1 v0.${version#*.}#p" "$source/go.mod"
    printf ')\n'
  } > go.mod
  go mod tidy >&2
  go build -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v$version" -o "$parts/kube-apiserver.new" . >&2
  mv "$parts/kube-apiserver.new" "$parts/kube-apiserver"
fi

if ! [ -f "$parts/istio-crds.yaml" ]; then
  cd "$work"
  module=$(GOFLAGS=-mod=mod GOWORK=off go mod download -json istio.io/api@v1.31.1 | sed -nE 's/^\s*"Dir": "(.*)",?$/\1/p')
  install -m 644 "$module/kubernetes/customresourcedefinitions.gen.yaml" "$parts/istio-crds.yaml"
fi
printf '%s\n' "$parts/kube-apiserver" "$parts/etcd" "$parts/istio-crds.yaml"
