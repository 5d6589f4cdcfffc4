#!/usr/bin/env bash
# Puts the clang-tidy of tools/tidy/requirements.txt, from PyPI and checked by SHA-256, into build/tidy, and the omp.h of
# GCC, which it comes without, into build/tidy/include.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/common.sh"

wanted="$root/tools/tidy/requirements.txt"
place="$root/build/tidy"
if cmp -s "$wanted" "$place/requirements.txt"; then exit 0; fi

log="$(mktemp)"
trap 'rm -f "$log"' EXIT
say "clang-tidy: installing it into build/tidy"
rm -rf "$place"
python3 -m venv "$place" >"$log" 2>&1 || die "could not make build/tidy: $(tail -n 1 "$log"); run tools/setup/packages.sh --tests"
"$place/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$wanted" >"$log" 2>&1 ||
  die "could not install clang-tidy: $(grep -m 1 ERROR "$log" || tail -n 1 "$log"); check the network, then run it again"
mkdir -p "$place/include"
ln -sf "$(g++ -print-file-name=include/omp.h)" "$place/include/omp.h"
cp "$wanted" "$place/requirements.txt"
