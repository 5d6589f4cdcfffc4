#!/usr/bin/env python3
"""Writes small GPT-2 folders as Hugging Face transformers saves them, with random weights, and beside
each the logits that float64 arithmetic gives for them.

    pip install -r tools/oracle/requirements.txt
    python3 tools/oracle/make_hub_folders.py tests/golden/hub
"""

import copy
import json
import pathlib
import shutil
import sys

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

TOKENIZER = pathlib.Path(__file__).parents[2] / "tests/tokenizer/formats/gpt2.tokenizer.json"
BATCH, GREEDY = 2, 32


def make_model(seed, vocab, context, width, heads, layers, **more):
    config = transformers.GPT2Config(
        vocab_size=vocab, n_positions=context, n_embd=width, n_head=heads, n_layer=layers,
        **{"bos_token_id": 0, "eos_token_id": 0, **more})
    model = transformers.GPT2LMHeadModel(config).eval()
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            gain = name.endswith("weight") and p.dim() == 1
            std = 0.15 if p.dim() == 1 else 0.4 if "wte" in name or "lm_head" in name else 0.25
            draw = rng.normal(1.0 if gain else 0.0, std, tuple(p.shape))
            p.copy_(torch.from_numpy(draw.astype(np.float32)))
    return model


def expect(out, model, seed):
    """The logits of the numbers as they were saved."""
    exact = model.double()
    rng = np.random.default_rng(seed + 1000)
    shape = (BATCH, min(model.config.n_positions, 16 if model.config.vocab_size < 100 else 8))
    tokens = torch.from_numpy(rng.integers(0, model.config.vocab_size, shape))
    with torch.no_grad():
        logits = exact(input_ids=tokens).logits
    assert logits.std() > 0.5
    save_file({"tokens": tokens.int(), "logits": logits.float().contiguous()},
              out / "expected.safetensors")


def greedy(model, prompt):
    """What follows the prompt when always the likeliest token is taken, and by how much it was likelier
    than the next one at least."""
    ids, gap = list(prompt), float("inf")
    for _ in range(GREEDY):
        with torch.no_grad():
            row = model(input_ids=torch.tensor([ids])).logits[0, -1]
        best = torch.topk(row, 2).values
        gap = min(gap, float(best[0] - best[1]))
        ids.append(int(row.argmax()))
    return ids, gap


def with_tokenizer(out):
    """Narrow numbers, rows of whole blocks of 32, and a text that no program's rounding changes."""
    words = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(TOKENIZER), bos_token="<|endoftext|>", eos_token="<|endoftext|>")
    end = words.eos_token_id
    prompt = words.encode("the tide and ")
    for seed in range(8, 1000):
        model = make_model(seed, len(words), 64, 32, 2, 1, bos_token_id=end, eos_token_id=end).bfloat16()
        saved = copy.deepcopy(model)
        ids, gap = greedy(model.double(), prompt)
        if gap > 0.2 and end not in ids and len(set(ids)) > 12:
            break
    saved.save_pretrained(out)
    expect(out, model, seed)
    words.save_pretrained(out)
    (out / "expected.json").write_text(
        json.dumps({"prompt": "the tide and ", "tokens": len(prompt), "ids": ids, "text": words.decode(ids)}) + "\n")


def old_form(folder):
    """As the first folders on the Hub were: no prefix, masks and a second copy of the embedding."""
    tensors = {n.removeprefix("transformer."): t for n, t in load_file(folder / "model.safetensors").items()}
    config = json.loads((folder / "config.json").read_text())
    context = config["n_positions"]
    mask = torch.tril(torch.ones(context, context, dtype=torch.uint8))[None, None]
    for layer in range(config["n_layer"]):
        tensors[f"h.{layer}.attn.bias"] = mask.clone()
        tensors[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    tensors["lm_head.weight"] = tensors["wte.weight"].clone()
    save_file(tensors, folder / "model.safetensors")
    config["n_ctx"] = context
    config["task_specific_params"] = {"text-generation": {"do_sample": True, "max_length": 50}}
    del config["tie_word_embeddings"]
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/hub")

    def folder(name):
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).mkdir(parents=True)
        return root / name

    def plain(name, seed, model, save=lambda model, out: model.save_pretrained(out)):
        out = folder(name)
        save(model, out)
        expect(out, model, seed)
        return out

    plain("tied", 1, make_model(1, 61, 16, 16, 2, 2))
    plain("without_prefix", 2, make_model(2, 53, 12, 12, 3, 3),
          lambda model, out: model.transformer.save_pretrained(out))
    plain("untied", 3, make_model(3, 40, 20, 8, 1, 1, n_inner=24, layer_norm_epsilon=1e-2,
                                  tie_word_embeddings=False, activation_function="gelu_pytorch_tanh"))
    plain("f16", 4, make_model(4, 47, 10, 20, 5, 1).half())
    plain("bf16", 5, make_model(5, 47, 10, 20, 5, 1).bfloat16())
    plain("sharded", 6, make_model(6, 61, 16, 16, 4, 2),
          lambda model, out: model.save_pretrained(out, max_shard_size="10KB"))
    old_form(plain("old", 7, make_model(7, 61, 16, 12, 2, 2)))

    with_tokenizer(folder("with_tokenizer"))

    for file in root.rglob("*"):
        if file.name == "generation_config.json" and file.parent.name != "with_tokenizer":
            file.unlink()
        elif file.is_file():
            file.chmod(0o644)
    sizes = {f.name: sum(p.stat().st_size for p in f.iterdir()) for f in sorted(root.iterdir()) if f.is_dir()}
    print("transformers", transformers.__version__, sizes)


if __name__ == "__main__":
    main()
