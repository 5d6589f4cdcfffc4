#!/usr/bin/env bash
# Lays out every C++ file under version control by .clang-format.
#   tools/format.sh            rewrites the files
#   tools/format.sh --check    changes nothing, fails and says where a file differs
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/setup/common.sh"

mode=(-i)
case "${1:-}" in
  "") ;;
  --check) mode=(--dry-run --Werror) ;;
  *) die "unknown argument '$1' (use --check, or nothing)" ;;
esac
command -v clang-format >/dev/null || die "clang-format is missing: run tools/setup/packages.sh --tests"

cd "$root"
git ls-files -z -- '*.h' '*.cpp' | xargs -0 -r -n 32 -P "$jobs" clang-format "${mode[@]}" ||
  die "run tools/format.sh"
say "format: clean"
