#!/usr/bin/env bash
# clang-tidy with .clang-tidy over sources that build/release compiles; fails on any finding.
#   tools/tidy.sh              every source under version control
#   tools/tidy.sh FILE...      these
#   tools/tidy.sh --since REV  those that differ from a git revision
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/setup/common.sh"
cd "$root"

database=build/release/compile_commands.json
[[ -f "$database" ]] || die "$database is missing: run tools/test.sh or cmake --preset release"

case "${1:-}" in
  "") wanted="$(git ls-files -- '*.cpp')" ;;
  --since) wanted="$(git diff --name-only --diff-filter=d "${2:?--since needs a revision}" -- '*.cpp')" ;;
  *) wanted="$(printf '%s\n' "$@")" ;;
esac
compiled="$(sed -n "s|^ *\"file\": \"$root/\(.*\)\",\{0,1\}\$|\1|p" "$database")"
mapfile -t files < <(comm -12 <(sort -u <<<"$wanted") <(sort -u <<<"$compiled"))
if ((${#files[@]} == 0)); then
  say "tidy: nothing to check"
  exit 0
fi

"$root/tools/setup/clang_tidy.sh"
say "tidy: ${#files[@]} files, $jobs at a time"
# The analyzer's deep mode takes three times the time of everything else together.
tidy=(build/tidy/bin/clang-tidy --quiet -p build/release)
for arg in -Xclang -analyzer-config -Xclang mode=shallow "-isystem$root/build/tidy/include"; do tidy+=("--extra-arg=$arg"); done
# clang-tidy also reports how much it suppressed; only a failing file's output is worth showing.
# shellcheck disable=SC2016
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$jobs" bash -c \
  'out="$("$@" 2>&1)" || { printf "%s\n" "$out"; exit 1; }' tidy "${tidy[@]}" ||
  die "clang-tidy has findings (above)"
say "tidy: clean"
