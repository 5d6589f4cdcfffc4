#!/usr/bin/env python3
"""Training steps of gptc and PyTorch side by side: the same GPT-2, batch, context, precision and
threads, in turn, several rounds. Prints medians, ratios and peak memory as a Markdown table.

    tools/compare/train.py --gptc build/release/bin/gptc --model gpt2 --batch 4 --ctx 256

PyTorch runs eagerly and compiled, in f32 and (by autocast) bf16, with its fused attention and its
fused AdamW; each measurement is a process of its own, whose peak memory is the kernel's figure.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

VOCABULARY = 50257
SIZES = {  # layers, heads, width
    "gpt2": (12, 12, 768),
    "gpt2-medium": (24, 16, 1024),
    "gpt2-large": (36, 20, 1280),
}
LEARNING_RATE, DECAY, CLIP = 3e-4, 0.1, 1.0


def gpt2(name, context):
    """The model as gptc declares it: pre-norm blocks, tanh GELU, tied head, no dropout."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    layers, heads, width = SIZES[name]

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x):
            batch, time_steps, _ = x.shape
            q, k, v = (part.view(batch, time_steps, heads, -1).transpose(1, 2)
                       for part in self.qkv(self.norm_1(x)).split(width, dim=2))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(batch, time_steps, width))
            return x + self.down(F.gelu(self.up(self.norm_2(x)), approximate="tanh"))

    class Gpt2(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(VOCABULARY, width)
            self.positions = nn.Embedding(context, width)
            self.blocks = nn.ModuleList(Block() for _ in range(layers))
            self.norm = nn.LayerNorm(width)
            for parameter in self.parameters():
                if parameter.dim() > 1:
                    nn.init.normal_(parameter, std=0.02)

        def forward(self, tokens, targets):
            x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
            for block in self.blocks:
                x = block(x)
            logits = F.linear(self.norm(x), self.tokens.weight)
            return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    return Gpt2()


def run_torch(options):
    """One measurement in this process: milliseconds of each step and the peak of memory."""
    import torch

    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    model = gpt2(options.model, options.ctx)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=DECAY, fused=True)
    step_model = torch.compile(model) if options.variant == "compile" else model
    tokens = torch.randint(VOCABULARY, (options.batch, options.ctx + 1))
    milliseconds = []
    for step in range(options.warmup + options.steps):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=options.dtype == "bf16"):
            loss = step_model(tokens[:, :-1], tokens[:, 1:])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step >= options.warmup:
            milliseconds.append((time.perf_counter() - start) * 1e3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"ms": milliseconds, "peak_bytes": peak, "version": torch.__version__}))


def measure_torch(options, variant, dtype):
    command = [sys.executable, os.path.abspath(__file__), "--as-peer", variant, "--dtype", dtype]
    for name in ("model", "batch", "ctx", "threads", "steps", "warmup"):
        command += [f"--{name}", str(getattr(options, name))]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(out.splitlines()[-1])


def measure_gptc(options, dtype):
    command = [options.gptc, "bench", "train", "--json", "--dtype", dtype, "--quiet"]
    for name in ("model", "batch", "ctx", "threads", "steps", "warmup"):
        command += [f"--{name}", str(getattr(options, name))]
    figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    steps = figures["step_ms"]
    return {"ms": [steps["min"], steps["median"], steps["max"]], "peak_bytes": figures["max_rss_bytes"]}


def compare(options):
    runs = {}
    for round_number in range(options.rounds):
        for dtype in options.dtype.split(","):
            for who in ["gptc"] + [f"torch {variant}" for variant in options.variants.split(",")]:
                print(f"round {round_number + 1}: {who} {dtype}", file=sys.stderr)
                if who == "gptc":
                    result = measure_gptc(options, dtype)
                else:
                    result = measure_torch(options, who.split()[1], dtype)
                runs.setdefault((dtype, who), []).append(result)
    print(f"{options.model}, batch {options.batch}, context {options.ctx}, {options.threads} threads\n")
    print("| precision | program | step ms (min / median / max) | gptc is faster by | peak GB | gptc's share |")
    print("|---|---|---|---|---|---|")
    for (dtype, who), results in runs.items():
        times = [ms for result in results for ms in result["ms"]]
        median = statistics.median(times)
        peak = max(result["peak_bytes"] for result in results)
        mine = runs[(dtype, "gptc")]
        my_median = statistics.median([ms for result in mine for ms in result["ms"]])
        my_peak = max(result["peak_bytes"] for result in mine)
        name = f"PyTorch {results[0]['version']}, {who.split()[1]}" if who != "gptc" else who
        print(f"| {dtype} | {name} | {min(times):.0f} / {median:.0f} / {max(times):.0f} "
              f"| {median / my_median:.2f}× | {peak / 1e9:.2f} | {my_peak / peak:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--gptc", default="build/release/bin/gptc")
    parser.add_argument("--model", default="gpt2", choices=SIZES)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--ctx", type=int, default=256)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dtype", default="f32,bf16")
    parser.add_argument("--variants", default="eager,compile")
    parser.add_argument("--as-peer", dest="variant", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.variant:
        run_torch(options)
    else:
        compare(options)


if __name__ == "__main__":
    main()
