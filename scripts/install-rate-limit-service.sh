#!/usr/bin/env bash
# Puts Envoy's rate-limit service and the Redis that it counts in into .real-parts/, and prints their paths. The one is built from its own source
# through the Go module proxy (some two minutes, once; Go keeps what it built), the other comes out of Debian's packages, with the libraries
# that only it needs. Does nothing where they already are. Needs Go and apt-get; nothing is installed into the system.
set -euo pipefail
version=v1.4.1-0.20260122083618-3fb702589d36
cd "$(dirname "${BASH_SOURCE[0]}")/.."
parts="$PWD/.real-parts"
mkdir -p "$parts"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! [ -x "$parts/redis/redis-server" ]; then
  (
    cd "$work"
    packages=(redis-tools liblzf1 libjemalloc2)
    apt-get download -qq "${packages[@]}" >&2 || { apt-get update -qq >&2 && apt-get download -qq "${packages[@]}" >&2; }
    for package in *.deb; do dpkg-deb -x "$package" redis; done
  )
  mkdir "$work/new"
  # One program under several names; by this one it is the server.
  cp "$work/redis/usr/bin/redis-check-rdb" "$work/new/redis-server"
  cp -P "$work"/redis/usr/lib/*/lib{lzf,jemalloc}.so* "$work/new/"
  rm -rf "$parts/redis"
  mv "$work/new" "$parts/redis"
fi

# Go writes the module into the program.
if ! [ -x "$parts/ratelimit" ] || ! go version -m "$parts/ratelimit" | grep -q "github.com/envoyproxy/ratelimit[[:space:]]$version"; then
  mkdir "$work/service"
  cd "$work/service"
  printf 'module rate-limit-service\n\ngo 1.26\n\nrequire github.com/envoyproxy/ratelimit %s\n' "$version" > go.mod
  GOFLAGS=-mod=mod GOWORK=off CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$parts/ratelimit.new" github.com/envoyproxy/ratelimit/src/service_cmd >&2
  mv "$parts/ratelimit.new" "$parts/ratelimit"
fi
printf '%s\n' "$parts/ratelimit" "$parts/redis/redis-server"
