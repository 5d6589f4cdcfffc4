#!/usr/bin/env python3
"""Learns the same merges from the same documents with gptc, Hugging Face tokenizers and rustbpe, in turn.

Usage: tools/compare/tokenizer_learn.py --gptc build/bin/gptc [--in data/sotu.txt] [--threads 2] [--rounds 5]
Needs: pip install tokenizers rustbpe   (a peer that is not installed is left out, and that is said)

Each run is a process of its own with the same number of threads. For gptc its whole time counts, from start to files
written; for the peers only the call that trains. Printed are the median and the extremes of the times, how often gptc
is faster, and the highest resident memory of each process. The merges are compared: tokenizers orders ids as gptc does
and must give the same; rustbpe numbers bytes by value, so that ties fall differently.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
PEERS = {"tokenizers": "tokenizers", "rustbpe": "rustbpe"}  # by the module each needs


def cut_documents(text, size):
    """Pieces of about `size` characters that end with an empty line, so that several threads have work."""
    documents, begin = [], 0
    while begin < len(text):
        end = text.find("\n\n", begin + size)
        end = len(text) if end < 0 else end + 2
        documents.append(text[begin:end])
        begin = end
    return documents


def read_documents(folder):
    return [path.read_bytes().decode("utf-8") for path in sorted(pathlib.Path(folder).iterdir())]


def byte_of_character():
    """GPT-2's printable characters for bytes, as tokenizers writes tokens."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    characters = {chr(byte): byte for byte in plain}
    characters.update({chr(256 + i): byte for i, byte in enumerate(others)})
    return characters


def run_tokenizers(documents, merges, min_frequency):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + merges, min_frequency=min_frequency, initial_alphabet=alphabet, show_progress=False
    )
    begin = time.perf_counter()
    tokenizer.train_from_iterator(documents, trainer)
    seconds = time.perf_counter() - begin
    learned = json.loads(tokenizer.to_str())["model"]["merges"]
    pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in learned]
    return seconds, ["".join(pair) for pair in pairs]


def run_rustbpe(documents, merges, min_frequency):
    import rustbpe

    tokenizer = rustbpe.Tokenizer()
    begin = time.perf_counter()
    tokenizer.train_from_iterator(iter(documents), 256 + merges, pattern=GPT2)
    seconds = time.perf_counter() - begin
    character = {byte: text for text, byte in byte_of_character().items()}
    ranks = sorted(tokenizer.get_mergeable_ranks(), key=lambda entry: entry[1])
    return seconds, ["".join(character[byte] for byte in token) for token, rank in ranks if rank >= 256]


def run_as_peer(arguments):
    """The child process of a peer: prints seconds, writes the tokens of its merges."""
    run = {"tokenizers": run_tokenizers, "rustbpe": run_rustbpe}[arguments.peer]
    seconds, tokens = run(read_documents(arguments.folder), arguments.merges, arguments.min_frequency)
    pathlib.Path(arguments.out).write_text("\n".join(tokens), encoding="utf-8")
    print(seconds)


# A process starts with the memory of the one that spawned it on its account, so a small one does it.
SPAWN = """
import json, os, sys, time
begin = time.perf_counter()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
status, usage = os.wait4(child, 0)[1:]
result = [time.perf_counter() - begin, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)]
open(sys.argv[1], "w").write(json.dumps(result))
"""


def measure(command, threads):
    """Runs a command; returns its seconds, its highest resident memory in MiB, and what it printed."""
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "true"}
    with tempfile.NamedTemporaryFile() as result:
        spawn = [sys.executable, "-I", "-S", "-c", SPAWN, result.name, *command]
        output = subprocess.run(spawn, stdout=subprocess.PIPE, text=True, env=environment, check=True).stdout
        seconds, memory, status = json.loads(pathlib.Path(result.name).read_text())
    if status != 0:
        sys.exit(f"tokenizer_learn: {command[0]} failed with {status}")
    return seconds, memory, output


def learn_with_gptc(arguments, folder, out):
    command = [arguments.gptc, "tokenizer", "learn", "--in", folder, "--out", out, "--overwrite", "--quiet"]
    command += ["--vocab-size", str(257 + arguments.merges), "--min-frequency", str(arguments.min_frequency)]
    seconds, memory, _ = measure([*command, "--threads", str(arguments.threads)], arguments.threads)
    lines = pathlib.Path(out, "merges.txt").read_text(encoding="utf-8").split("\n")[1:-1]
    return seconds, memory, [line.replace(" ", "") for line in lines]


def learn_with_peer(name, arguments, folder, out):
    command = [sys.executable, __file__, "--peer", name, "--folder", folder, "--out", out]
    command += ["--merges", str(arguments.merges), "--min-frequency", str(arguments.min_frequency)]
    _, memory, output = measure(command, arguments.threads)
    return float(output), memory, pathlib.Path(out).read_text(encoding="utf-8").split("\n")


def agreement(ours, theirs):
    if ours == theirs:
        return "the same"
    first = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    common = len(set(ours) & set(theirs))
    return f"the first {first} the same, {common} of {len(theirs)} tokens in common"


def is_installed(module):
    return subprocess.run([sys.executable, "-c", f"import {module}"], stderr=subprocess.DEVNULL).returncode == 0


def compare(arguments):
    peers = [name for name, module in PEERS.items() if is_installed(module)]
    for name in PEERS:
        if name not in peers:
            print(f"{name} is not installed and left out", file=sys.stderr)
    results = {name: [] for name in ["gptc", *peers]}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch, "documents")
        folder.mkdir()
        text = pathlib.Path(arguments.text).read_bytes().decode("utf-8")
        documents = cut_documents(text, arguments.document_size)
        for i, document in enumerate(documents):
            (folder / f"{i:06}.txt").write_bytes(document.encode("utf-8"))
        print(f"{arguments.text}: {len(text.encode('utf-8'))} bytes in {len(documents)} documents, "
              f"{arguments.merges} merges, {arguments.threads} threads, {arguments.rounds} rounds in turn")
        for _ in range(arguments.rounds):
            results["gptc"].append(learn_with_gptc(arguments, str(folder), str(pathlib.Path(scratch, "gptc"))))
            for name in peers:
                out = str(pathlib.Path(scratch, name))
                results[name].append(learn_with_peer(name, arguments, str(folder), out))
    print_table(results)


def print_table(results):
    ours = statistics.median(seconds for seconds, _, _ in results["gptc"])
    print(f"{'':12}{'median s':>10}{'min':>9}{'max':>9}{'ratio':>8}{'MiB':>8}  merges")
    for name, runs in results.items():
        times = [seconds for seconds, _, _ in runs]
        median = statistics.median(times)
        memory = max(megabytes for _, megabytes, _ in runs)
        merges = runs[-1][2]
        words = f"{len(merges)}" if name == "gptc" else agreement(results["gptc"][-1][2], merges)
        print(f"{name:12}{median:10.3f}{min(times):9.3f}{max(times):9.3f}{median / ours:8.1f}{memory:8.0f}  {words}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gptc", default="build/bin/gptc", help="the program")
    parser.add_argument("--in", dest="text", default="data/sotu.txt", help="a text file")
    parser.add_argument("--merges", type=int, default=32000)
    parser.add_argument("--min-frequency", type=int, default=1, help="rustbpe knows only 1")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--document-size", type=int, default=50_000, help="characters, about")
    for hidden in ["--peer", "--folder", "--out"]:
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        run_as_peer(arguments)
    else:
        compare(arguments)


if __name__ == "__main__":
    main()
