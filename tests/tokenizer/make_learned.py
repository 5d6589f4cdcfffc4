"""Writes learn_expected.json: what the BPE trainer of Hugging Face `tokenizers` learns from small corpora.

Usage, from the root of the repository: python3 tests/tokenizer/make_learned.py   (needs: tokenizers)

The corpora are learn_corpus.txt, with each pattern, and texts that are written down in the result. The trainer's
byte-level alphabet has the order of GPT-2's ids 0 to 255, so its ties fall as ours do. It knows no <|endoftext|> here,
so its vocabulary is one smaller than ours.
"""

import json
import pathlib

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

FOLDER = pathlib.Path(__file__).parent

# GPT-4's pattern (cl100k_base), without possessive quantifiers, which change nothing but the speed.
GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# Each a list of documents.
TEXTS = {
    "runs": ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaa aaa aa", "\n\n\n\n        x", "........!!!!....!!"],
    "ties": ["ab cd ef gh ab cd ef gh", "ba dc fe hg", "abcdefgh hgfedcba"],
    "overlaps": ["abababab babababa abaabaab", "xyxyx yxyxy xxyyxxyy", "mississippi ississim"],
    "scripts": ["日本語日本語 語本日", "Привет, привет привету", "🙂🙂🙂 👍🏽👍🏽", "naïve naïveté cafés café"],
}


def byte_level(pattern):
    if pattern == "gpt2":
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    if pattern == "none":
        return plain
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT4), behavior="isolated"), plain])


def train(documents, vocab_size, min_frequency, pattern):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = byte_level(pattern)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 1,
        min_frequency=min_frequency,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]


def case(name, documents, pattern, runs):
    """What is learned with the smallest frequency; what each run learns is where that begins."""
    longest = train(documents, max(size for size, _ in runs), min(frequency for _, frequency in runs), pattern)
    lengths = []
    for vocab_size, min_frequency in runs:
        merges = train(documents, vocab_size, min_frequency, pattern)
        assert merges == longest[: len(merges)]
        lengths.append({"vocab_size": vocab_size, "min_frequency": min_frequency, "merges": len(merges)})
    result = {"name": name, "pattern": pattern, "runs": lengths, "merges": longest}
    if name != "corpus":
        result["documents"] = documents
    return result


def main():
    text = (FOLDER / "learn_corpus.txt").read_bytes().decode("utf-8")
    runs = [(100_000, 1), (100_000, 2), (100_000, 5), (300, 1), (777, 2)]
    cases = [case("corpus", [text], "gpt2", runs), case("corpus", [text], "gpt4", runs)]
    cases.append(case("corpus", [text], "none", [(457, 1), (400, 2), (457, 9)]))
    for name, documents in TEXTS.items():
        for pattern in ["gpt2", "gpt4", "none"]:
            cases.append(case(name, documents, pattern, [(100_000, 1), (100_000, 2), (270, 1)]))
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in cases)
    (FOLDER / "learn_expected.json").write_text('{"cases": [\n' + lines + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
