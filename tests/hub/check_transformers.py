#!/usr/bin/env python3
"""Whether transformers loads what `gptc export --to hf` writes, with the logits and the ids it should have.

    pip install -r tools/oracle/requirements.txt && tests/hub/check_transformers.py build/release/bin/gptc

Exports every folder of tests/golden/hub in each type and a model that gptc trains on the spot, and compares
transformers' logits with those of the original, in float32, and its greedy text with gptc's. Without torch or
transformers it says that it is skipped, and its exit code is 77.
"""

import pathlib
import subprocess
import sys
import tempfile

try:
    import torch
    import transformers
    from safetensors import safe_open
    from safetensors.torch import load_file
except ImportError as error:
    print(f"skipped: {error}; give a Python with torch and transformers by GPTC_PYTHON")
    sys.exit(77)

ROOT = pathlib.Path(__file__).parents[2]
FOLDERS = ROOT / "tests/golden/hub"
GREEDY = 32
BARS = {"f32": 1e-4, "f16": 0.05, "bf16": 0.4}


def load(folder):
    model = transformers.GPT2LMHeadModel.from_pretrained(folder, output_loading_info=True)
    info = model[1]
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not info[key], (folder, key, info[key])
    return model[0].float().eval()


def check_folder(gptc, original, out):
    expected = load_file(original / "expected.safetensors")
    for dtype, bar in BARS.items():
        folder = out / f"{original.name}-{dtype}"
        subprocess.run([gptc, "export", "-q", "--model", original, "--to", "hf", "--dtype", dtype, "--out", folder],
                       check=True)
        with safe_open(folder / "model.safetensors", "pt") as file:
            assert file.metadata()["format"] == "pt"
        with torch.no_grad():
            logits = load(folder)(input_ids=expected["tokens"].long()).logits
        worst = (logits - expected["logits"]).abs().max().item()
        print(f"{original.name} {dtype}: largest difference of logits {worst:.2e}")
        assert worst <= bar


def check_trained(gptc, out):
    """A vocabulary learned here, a few steps, and the same greedy text and ids by both programs."""
    text = out / "text.txt"
    text.write_text("".join(f"The ship {i} sailed; the whale swam away, again and again.\n" for i in range(400)))
    run, folder = out / "run", out / "run-hf"
    subprocess.run([gptc, "tokenizer", "learn", "-q", "--in", text, "--vocab-size", "400", "--out", out / "words"],
                   check=True)
    subprocess.run([gptc, "train", "-q", "--model", "gpt2-nano", "--data", text, "--tokenizer", out / "words", "--out", run,
                    "--set", "n_embd=64", "--set", "context=64", "--batch", "4", "--max-steps", "100", "--lr", "3e-3"],
                   check=True)
    subprocess.run([gptc, "export", "-q", "--model", run, "--to", "hf", "--out", folder], check=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert tokenizer.eos_token == "<|endoftext|>"
    prompt = "The ship"
    ids = tokenizer.encode(prompt)
    ours = subprocess.run([gptc, "tokenizer", "encode", "--tokenizer", run], check=True, input=prompt,
                          capture_output=True, text=True).stdout.split()
    assert ids == [int(i) for i in ours], (ids, ours)
    made = load(folder).generate(torch.tensor([ids]), max_new_tokens=GREEDY, do_sample=False, eos_token_id=None,
                                 pad_token_id=0)
    wanted = subprocess.run([gptc, "generate", "-q", "--model", run, "-p", prompt, "-n", str(GREEDY), "--temperature", "0",
                             "--ignore-eos"], check=True, capture_output=True, text=True).stdout
    assert tokenizer.decode(made[0]) + "\n" == wanted, (tokenizer.decode(made[0]), wanted)
    print(f"trained here: {len(ids)} ids and {GREEDY} greedy tokens agree: {wanted.strip()!r}")


def main():
    gptc = pathlib.Path(sys.argv[1]).resolve()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as out:
        for original in sorted(path for path in FOLDERS.iterdir() if path.is_dir()):
            check_folder(gptc, original, pathlib.Path(out))
        check_trained(gptc, pathlib.Path(out))
    print("transformers", transformers.__version__, "agrees")


if __name__ == "__main__":
    main()
