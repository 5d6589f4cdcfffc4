#!/usr/bin/env bash
# Builds every libFuzzer target with clang and runs each for some seconds, as many at once as there are cores (JOBS
# overrides); fails on a finding.
#   tools/fuzz.sh [SECONDS] [TARGET...]      10 seconds, all targets
# FUZZ_SEED=N walks the same way every time (as far as the seconds reach); without it every run goes its own way.
# What it learns of inputs stays in build/fuzz/corpus; a finding goes to build/fuzz/findings and, once mended, belongs
# into tests/fuzz/seeds/TARGET, which every ctest run replays.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/setup/common.sh"
cd "$root"

seconds="${1:-10}"
[[ "$seconds" =~ ^[0-9]+$ ]] || die "'$seconds' is no number of seconds"
shift || true
command -v clang++-14 >/dev/null || die "clang++-14 is missing: install clang-14 and libclang-rt-14-dev"

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz
targets=("$@")
if ((${#targets[@]} == 0)); then
  for program in build/fuzz/bin/fuzz_*; do
    name="$(basename "$program")"
    [[ "$name" == fuzz_replay_* || ! -x "$program" ]] || targets+=("${name#fuzz_}")
  done
fi
((${#targets[@]} > 0)) || die "no fuzz targets were built"

# fuzz TARGET: in the background of others; says what it found.
fuzz() {
  local target="$1" corpus="build/fuzz/corpus/$1" log="build/fuzz/$1.log" dictionary="tests/fuzz/seeds/$1.dict"
  local options=(-max_total_time="$seconds" -rss_limit_mb=512 -timeout=5 -max_len=65536 -print_final_stats=1
    -artifact_prefix="build/fuzz/findings/$target-")
  [[ -z "${FUZZ_SEED:-}" ]] || options+=(-seed="$FUZZ_SEED")
  [[ ! -f "$dictionary" ]] || options+=(-dict="$dictionary")
  mkdir -p "$corpus"
  if ! "build/fuzz/bin/fuzz_$target" "${options[@]}" "$corpus" "tests/fuzz/seeds/$target" >"$log" 2>&1; then
    tail -n 40 "$log"
    die "fuzz: $target has a finding (above); the input is in build/fuzz/findings"
  fi
  say "fuzz: $target: $(grep -o 'number_of_executed_units: *[0-9]*' "$log" | grep -o '[0-9]*') inputs, no finding"
}
export -f fuzz say die
export seconds

mkdir -p build/fuzz/findings
say "fuzz: ${targets[*]}, $seconds s each, $jobs at a time"
# shellcheck disable=SC2016
printf '%s\0' "${targets[@]}" | xargs -0 -n 1 -P "$jobs" bash -c 'fuzz "$1"' fuzz.sh
