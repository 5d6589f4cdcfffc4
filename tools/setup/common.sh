# shellcheck shell=bash
# What the scripts share: where the clone is, and one way to speak and to fail.
# Sourced, not run. Progress goes to stderr, so that a script's stdout stays data.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
export root

# Each program's bar or colour is its own business; package tools must never ask.
export DEBIAN_FRONTEND=noninteractive

say() { printf '==> %s\n' "$*" >&2; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# jobs: how many commands run at once (JOBS overrides).
jobs="${JOBS:-$(nproc)}"
export jobs

# sha256 FILE: the digest alone.
sha256() { sha256sum "$1" | cut -d ' ' -f 1; }

# build [TARGET...]: configures and builds Release into build/release; ninja does only what is missing.
build() {
  local targets=("$@")
  if ((${#targets[@]})); then targets=(--target "${targets[@]}"); fi
  say "building (Release, $jobs jobs) into build/release"
  (cd "$root" && cmake --preset release >&2 && cmake --build --preset release -j "$jobs" \
    ${targets[@]+"${targets[@]}"} >&2)
}
