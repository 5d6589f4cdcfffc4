#!/usr/bin/env python3
"""Whether other programs give gptc's ids with the files that gptc writes.

    pip install tokenizers tiktoken && tests/tokenizer/check_formats.py build/release/bin/gptc TOKENIZER TEXT...

Converts TOKENIZER to tokenizer.json and .tiktoken, encodes the texts with all three and compares.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import tiktoken
from tiktoken.load import load_tiktoken_bpe
from tokenizers import Tokenizer

PATTERNS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "gpt4": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
            r"|\s*[\r\n]+|\s+(?!\S)|\s+",
    "none": r"[\s\S]+",
}


def main():
    gptc, name, *texts = sys.argv[1:]
    folder = pathlib.Path(tempfile.mkdtemp())
    for form in ["hf", "tiktoken"]:
        subprocess.run([gptc, "tokenizer", "convert", "-q", "--tokenizer", name, "--to", form, "--out", folder], check=True)
    hf = Tokenizer.from_file(str(folder / "tokenizer.json"))
    hf.encode_special_tokens = True
    settings = json.loads((folder / "vocabulary.tiktoken.json").read_text())
    tik = tiktoken.Encoding(
        "gptc", pat_str=PATTERNS[settings["pattern"]], special_tokens=settings["special_tokens"],
        mergeable_ranks=load_tiktoken_bpe(str(folder / "vocabulary.tiktoken")))
    for path in texts:
        text = pathlib.Path(path).read_bytes().decode()
        ours = subprocess.run([gptc, "tokenizer", "encode", "--tokenizer", name, path], check=True,
                              capture_output=True).stdout.split()
        ours = [int(token) for token in ours]
        assert ours == hf.encode(text, add_special_tokens=False).ids, f"{path}: tokenizers differs"
        assert ours == tik.encode(text, disallowed_special=()), f"{path}: tiktoken differs"
        print(f"{path}: {len(ours)} tokens, all the same")


main()
