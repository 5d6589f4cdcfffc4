#!/usr/bin/env python3
"""Decoding by gptc and llama.cpp side by side: the same weights, positions and threads, in turn,
several rounds. Prints medians and ratios as a Markdown table.

    tools/compare/generate.py --model FOLDER --llama-bench llama.cpp/build/bin/llama-bench

FOLDER holds a trained model or one of Hugging Face's; `gptc export` writes it for llama.cpp. f32,
bf16, q8_0 and q4_0 stand beside gptc's f32, bf16, int8 and int4. Positions 64 to 192 are decoded
one token after the other; gptc's time includes drawing each token, llama-bench's does not.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile

PEER_TYPES = {"f32": "f32", "bf16": "bf16", "int8": "q8_0", "int4": "q4_0"}
BEGIN, END = 64, 192


def figures_of(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure_gptc(options, dtype):
    """Tokens per second."""
    return figures_of([options.gptc, "bench", "generate", "--model", options.model, "--dtype", dtype,
                       "--prompt-length", "0", "--threads", str(options.threads), "--json",
                       "--quiet"])["tokens_per_s"]


def measure_llama(options, file):
    """Tokens per second, and the program's build."""
    figures = figures_of([options.llama_bench, "-m", file, "-p", "0", "-n", str(END - BEGIN), "-d",
                          str(BEGIN), "-t", str(options.threads), "-r", "3", "-o", "json"])[0]
    return statistics.median(figures["samples_ts"]), figures["build_number"]


def spread(values):
    return f"{min(values):.1f} / {statistics.median(values):.1f} / {max(values):.1f}"


def compare(options, folder):
    rows, build = [], None
    for dtype in options.dtype.split(","):
        file = os.path.join(folder, f"{PEER_TYPES[dtype]}.gguf")
        subprocess.run([options.gptc, "export", "-q", "--model", options.model, "--to", "gguf",
                        "--dtype", PEER_TYPES[dtype], "--out", file], check=True)
        ours, theirs = [], []
        for _ in range(options.rounds):
            ours.append(measure_gptc(options, dtype))
            speed, build = measure_llama(options, file)
            theirs.append(speed)
        ratio = statistics.median(ours) / statistics.median(theirs)
        rows.append(f"| {dtype} | {spread(ours)} | {PEER_TYPES[dtype]} | {spread(theirs)} | {ratio:.2f}× |")
        os.remove(file)
    print(f"positions {BEGIN} to {END}, {options.threads} threads, {options.rounds} rounds, "
          f"llama.cpp build {build}\n")
    print("| gptc | tokens/s (min / median / max) | llama.cpp | tokens/s | gptc is faster by |")
    print("|---|---|---|---|---|")
    print("\n".join(rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--gptc", default="build/release/bin/gptc")
    parser.add_argument("--llama-bench", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dtype", default=",".join(PEER_TYPES))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(options, folder)


if __name__ == "__main__":
    main()
