"""Writes learn_expected.json: what the BPE trainer of Hugging Face `tokenizers` learns from learn_corpus.txt.

Usage, from the root of the repository: python3 tests/tokenizer/make_learned.py   (needs: tokenizers)

The trainer's byte-level alphabet has the order of GPT-2's ids 0 to 255, so its ties fall as ours do. It knows no
<|endoftext|> here, so its vocabulary is one smaller than ours.
"""

import json
import pathlib

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

FOLDER = pathlib.Path(__file__).parent


def train(text, vocab_size, min_frequency):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 1,
        min_frequency=min_frequency,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text], trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]


def main():
    text = (FOLDER / "learn_corpus.txt").read_bytes().decode("utf-8")
    longest = train(text, 100_000, 1)
    runs = []
    for vocab_size, min_frequency in [(100_000, 1), (100_000, 2), (100_000, 5), (300, 1), (777, 2)]:
        merges = train(text, vocab_size, min_frequency)
        assert merges == longest[: len(merges)]
        runs.append({"vocab_size": vocab_size, "min_frequency": min_frequency, "merges": len(merges)})
    runs_text = ",\n".join("  " + json.dumps(run) for run in runs)
    merges_text = ",\n".join("  " + json.dumps(merge, ensure_ascii=False) for merge in longest)
    (FOLDER / "learn_expected.json").write_text(
        '{"runs": [\n' + runs_text + '\n],\n"merges": [\n' + merges_text + "\n]}\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
