#!/usr/bin/env bash
# One command from a bare Debian machine to a trained GPT-2: installs what is missing, builds,
# fetches Moby Dick, learns a tokenizer, trains a small model for two to three minutes, draws
# the loss curve and writes some text. Run it again: it does only what is missing.
#   tools/quickstart.sh [arguments for `gptc train`]
#   QUICKSTART_STEPS=N   training steps       QUICKSTART_OUT=DIR   instead of runs/quickstart
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/setup/common.sh"

steps="${QUICKSTART_STEPS:-800}"
out="${QUICKSTART_OUT:-runs/quickstart}"
gptc=build/release/bin/gptc

"$root/tools/setup/packages.sh"
build gptc own_model
"$root/tools/setup/fetch_data.sh"
cd "$root"

if [[ -f "$out/tokenizer/vocab.json" && -f "$out/tokenizer/merges.txt" ]]; then
  say "tokenizer: $out/tokenizer is there"
else
  say "tokenizer: learning 4096 tokens from Moby Dick"
  "$gptc" tokenizer learn --in data/moby_dick.txt --vocab-size 4096 --out "$out/tokenizer"
fi

train=(--model gpt2-nano --data data/moby_dick.txt --tokenizer "$out/tokenizer" --out "$out"
  --max-steps "$steps" --lr 0.002 "$@")
if [[ "$(cat "$out/trained" 2>/dev/null)" == "${train[*]}" ]]; then
  say "training: $out is trained (remove it to train again)"
else
  say "training: gpt2-nano, $steps steps; Ctrl-C saves, and running this again goes on"
  # A run that was interrupted goes on; one with other arguments begins anew.
  begin=--overwrite
  if [[ ! -e "$out/trained" && -e "$out/model.safetensors" ]]; then begin=--resume; fi
  rm -f "$out/trained"
  "$gptc" train "${train[@]}" "$begin"
  printf '%s\n' "${train[*]}" >"$out/trained"
fi

say "text: what the model goes on to write after \"Call me Ishmael\""
"$gptc" generate --model "$out" --prompt "Call me Ishmael" -n 120 --top-k 40 --temperature 0.8 \
  --seed 1

cat >&2 <<EOF

==> done. The loss curve is $out/loss_curve.png. Three things to try next:
    $gptc generate --model $out --prompt "The whale" -n 200 --temperature 0.7
    $gptc --dump-ir=fusion --model gpt2-nano --graph train | less
    $gptc train --model gpt-config-124m --data data/moby_dick.txt --tokenizer gpt2 --out runs/124m
EOF
