#!/usr/bin/env bash
# Installs what is missing, builds with warnings as errors, fetches the data, runs every test.
#   tools/test.sh [arguments for ctest]     for example: tools/test.sh -R tokenizer
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/setup/common.sh"

"$root/tools/setup/packages.sh" --tests
build
"$root/tools/setup/fetch_data.sh"
say "tests: ctest, $jobs at a time"
cd "$root"
ctest --preset release -j "$jobs" "$@"
