"""Compares gptc's ids with tiktoken's on random strings over all of Unicode, and round trips on random bytes.

Usage, from the root of the repository, after a build (needs: pip install tiktoken==0.14.0):
    python3 tests/tokenizer/fuzz_tiktoken.py [--gptc build/release/bin/gptc] [--count 1000000] [--seed 1] [FILE...]

Prints how many strings were compared and the first that differ; exits 1 if any did. tiktoken reads data/gpt2/vocab.bpe
and encoder.json and nothing from the network. GPT-2's pattern and GPT-4's (with GPT-2's merges) are both compared; a
string that ends in blanks with a line end among them is left out for GPT-4, since there this release of tiktoken
differs from the pattern as published (see frontend/tokenizer/pattern.h). FILEs are compared whole, besides.
"""

import argparse
import array
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import tiktoken
from tiktoken.load import data_gym_to_mergeable_bpe_ranks

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
GPT4 = (r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"""
        r"""|\s+(?!\S)|\s+""")
END, END_ID = "<|endoftext|>", 50256
BATCH = 100_000

BLANKS = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000 \n\n\r\n    "
CODE = ["if (", "x += ", "->", "::", "{\n", "}\n", "    ", "\t", "0x1F", "//", "/*", "*/", "\"\\n\"", "==", "&&", "def f():", ";\n"]
WORDS = ["the", " The", "don't", "I'LL", "'s", "'re", "we've", " it", "'S", "\u2019s", "'d", "''", "'", "O'Neil", "x'll", "'\u017f"]
SCRIPTS = [(0x41, 0x24F), (0x370, 0x52F), (0x590, 0x77F), (0x900, 0xDFF), (0xE00, 0xFFF), (0x1000, 0x139F), (0x1780, 0x18AF),
           (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x1F300, 0x1FAFF), (0x10000, 0x1FFFF), (0x20000, 0x323AF),
           (0x300, 0x36F), (0x2000, 0x2BFF), (0xFE00, 0xFFFF)]


def any_character(draw):
    while True:
        point = draw.randrange(0x110000) if draw.random() < 0.5 else draw.randrange(0x20000)
        if not 0xD800 <= point <= 0xDFFF:
            return chr(point)


def script_word(draw):
    first, last = draw.choice(SCRIPTS)
    return "".join(chr(draw.randint(first, last)) for _ in range(draw.randint(1, 8)))


GENERATORS = [
    lambda draw: "".join(any_character(draw) for _ in range(draw.randint(1, 6))),
    lambda draw: script_word(draw) + draw.choice(["", " ", "'", "1"]),
    lambda draw: "".join(draw.choice(BLANKS) for _ in range(draw.randint(1, 6))),
    lambda draw: draw.choice(WORDS),
    lambda draw: draw.choice(CODE),
    lambda draw: str(draw.randrange(10 ** draw.randint(1, 12))),
    lambda draw: draw.choice("etaoinshrdlu") + "".join(draw.choice("\u0301\u0308\u0903\u20dd\u200d\ufe0f") for _ in range(draw.randint(0, 3))),
    lambda draw: draw.choice("aeiou .,-=*#\n\u4e00\u3042\U0001f600") * draw.randint(1, 70),
    lambda draw: "".join(draw.choice(" abcdefghijklmnopqrstuvwxyz") for _ in range(draw.randint(1, 20))),
]


def random_string(draw):
    while True:
        text = "".join(draw.choice(GENERATORS)(draw) for _ in range(draw.randint(1, 6)))
        if END not in text:
            return text


def encode_all(gptc, tokenizer, texts):
    """gptc's ids of each text: one input, the texts apart by the special token, which ends a text. By pipes, since files
    that hold a NUL are refused as binary ones."""
    command = [gptc, "tokenizer", "encode", "--tokenizer", tokenizer, "--special", "-q"]
    out = subprocess.run(command, input=END.join(texts).encode(), check=True, stdout=subprocess.PIPE).stdout
    ids = array.array("i", map(int, out.split()))
    groups = [[]]
    for token in ids:
        if token == END_ID:
            groups.append([])
        else:
            groups[-1].append(token)
    # A special token may stand at the end of a file of ids, where a document ends.
    return groups[: len(texts)] if len(groups) == len(texts) + 1 and not groups[-1] else groups


def write_gpt4(gptc, folder):
    """A tokenizer.json with GPT-2's merges and GPT-4's pattern."""
    subprocess.run([gptc, "tokenizer", "convert", "--tokenizer", "gpt2", "--to", "hf", "-q", "--out", folder], check=True)
    path = folder / "tokenizer.json"
    model = json.loads(path.read_text())
    model["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": GPT4}, "behavior": "Isolated", "invert": False},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]}
    path.write_text(json.dumps(model))
    return path


def count_different(encoding, texts, groups, name):
    assert len(groups) == len(texts), f"{name}: {len(texts)} texts, but gptc gave {len(groups)}"
    different = 0
    for text, ids in zip(texts, groups):
        expected = encoding.encode_ordinary(text)
        if ids != expected:
            different += 1
            if different <= 5:
                print(f"{name}: {ascii(text)}: gptc {ids}, tiktoken {expected}")
    return different


def round_trip(gptc, draw):
    """Random bytes through encode and decode, by pipes: files must be text."""
    data = bytes(draw.choices(range(256), k=1 << 20))
    command = [gptc, "tokenizer", "encode", "--tokenizer", "gpt2"]
    ids = subprocess.run(command, input=data, check=True, capture_output=True).stdout
    command[2] = "decode"
    return 0 if subprocess.run(command, input=ids, check=True, capture_output=True).stdout == data else 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gptc", default=str(ROOT / "build/release/bin/gptc"))
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    ranks = data_gym_to_mergeable_bpe_ranks(vocab_bpe_file=str(ROOT / "data/gpt2/vocab.bpe"),
                                            encoder_json_file=str(ROOT / "data/gpt2/encoder.json"))
    encodings = {name: tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
                 for name, pattern in (("gpt2", GPT2), ("gpt4", GPT4))}
    draw = random.Random(options.seed)
    different = compared = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        tokenizers = {"gpt2": "gpt2", "gpt4": write_gpt4(options.gptc, folder)}
        batches = [[pathlib.Path(file).read_text()] for file in options.files]
        while batches or compared < options.count:
            texts = batches.pop() if batches else [random_string(draw) for _ in range(min(BATCH, options.count - compared))]
            compared += len(texts)
            for key, encoding in encodings.items():
                groups = encode_all(options.gptc, tokenizers[key], texts)
                different += count_different(encoding, texts, groups, key)
        broken = round_trip(options.gptc, draw)
    print(f"{compared} strings compared, seed {options.seed}: {different} differences; random bytes {'differ' if broken else 'round-trip'}")
    return 1 if different or broken else 0


if __name__ == "__main__":
    sys.exit(main())
