#!/usr/bin/env python3
"""Writes a text whose vocabulary never stops growing, to learn a tokenizer from within bounded memory.

Usage: tools/compare/growing_corpus.py --bytes 1000000000 --seed 1 > corpus.txt

Of ten words six are among 20,000 common ones, by Zipf's law; three were never written before and one was new a little
earlier. All are made of the same syllables. The same bytes come out for the same seed.
"""

import argparse
import random
import sys

CONSONANTS = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "ch", "sh", "th", "st", "tr", "pl"]
VOWELS = ["a", "e", "i", "o", "u"]
SYLLABLES = [consonant + vowel for consonant in CONSONANTS for vowel in VOWELS]
HALVES = [first + second for first in SYLLABLES for second in SYLLABLES]  # 10,000
COMMON = 20_000
NEW_IN_BLOCK = 9_999  # a multiple of 3


def common_words(rng):
    words = sorted({"".join(rng.choices(SYLLABLES, k=rng.choice([1, 1, 2, 2, 3]))) for _ in range(3 * COMMON)})
    rng.shuffle(words)
    words = words[:COMMON]
    total, weights = 0.0, []
    for rank in range(len(words)):
        total += 1 / (rank + 2)
        weights.append(total)
    return words, weights


def blocks(seed):
    """Yields texts of 33,330 words, each with 9,999 words that were in none before."""
    rng = random.Random(seed)
    words, weights = common_words(rng)
    starts, ends = HALVES[:], HALVES[:]
    rng.shuffle(starts)
    rng.shuffle(ends)
    again = rng.choices(words, k=NEW_IN_BLOCK // 3)
    for shift in range(len(HALVES)):
        fresh = [start + end for start, end in zip(starts[shift:] + starts[:shift], ends[:NEW_IN_BLOCK])]
        groups = [fresh[0::3], fresh[1::3], fresh[2::3], again]
        groups += [rng.choices(words, cum_weights=weights, k=NEW_IN_BLOCK // 3) for _ in range(6)]
        lines = [f"{m} {a} {n} {o} {b} {p} {c} {q} {d} {r}.\n" for a, b, c, d, m, n, o, p, q, r in zip(*groups)]
        yield "".join(lines)
        again = fresh[: NEW_IN_BLOCK // 3]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bytes", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    left = arguments.bytes
    for block in blocks(arguments.seed):
        text = block.encode("ascii")[:left]
        sys.stdout.buffer.write(text)
        left -= len(text)
        if left == 0:
            return
    sys.exit(f"growing_corpus: there are new words for only {arguments.bytes - left} bytes")


if __name__ == "__main__":
    main()
