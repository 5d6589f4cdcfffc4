#!/usr/bin/env python3
"""Makes formats/: vocabularies that Hugging Face tokenizers learned and saved, and their ids for some texts.

    pip install tokenizers && tests/tokenizer/make_formats.py
"""

import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

here = pathlib.Path(__file__).parent
GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+")
TEXTS = [
    "", "the low tide", "  It's 1234567 o'clock,\r\n\r\n  isn't IT'S it?\t\tx", "naïve café 日本語 😀👍🏽",
    "a  b   c    ", "\n\n \n", "plain <|endoftext|> text", "x\u00a0y\u3000z\u200b\ufeff", "the\u0000the",
]


def byte_level(split):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split)


def learn(pre_tokenizer, specials, vocab_size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, min_frequency=2, special_tokens=specials, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([(here / "learn_corpus.txt").read_text()], trainer)
    return tokenizer


def ids_of(tokenizer, text):
    """As ordinary text: tokenizers finds special tokens unless told not to."""
    tokenizer.encode_special_tokens = True
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == text
    return ids


def main():
    specials = [AddedToken("<|endoftext|>", special=True), AddedToken("[PAD]", special=True)]
    split4 = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(GPT4), "isolated"), byte_level(False)])
    made = {"gpt2": learn(byte_level(True), specials[:1], 330), "gpt4": learn(split4, specials, 340),
            "none": learn(byte_level(False), [], 300)}
    expected = {}
    for name, tokenizer in made.items():
        tokenizer.save(str(here / "formats" / f"{name}.tokenizer.json"))
        expected[name] = [{"text": text, "ids": ids_of(tokenizer, text)} for text in TEXTS]
    (here / "formats" / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


main()
