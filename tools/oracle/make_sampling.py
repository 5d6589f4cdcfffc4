#!/usr/bin/env python3
"""Writes tests/golden/sampling.json: distributions as Hugging Face transformers' logits processors
make them, in the order in which its generate() applies them.

    python tools/oracle/make_sampling.py >tests/golden/sampling.json
"""
import json
import random

import torch
import transformers
from transformers.generation import logits_process as hf

VOCABULARY = 24
CASES = 60


def processors(options):
    """transformers' own order (GenerationMixin._get_logits_processor)."""
    chain = hf.LogitsProcessorList()
    if options.get("logit_bias"):
        chain.append(hf.SequenceBiasLogitsProcessor([[[token], value] for token, value in options["logit_bias"]]))
    if "repetition_penalty" in options:
        chain.append(hf.RepetitionPenaltyLogitsProcessor(options["repetition_penalty"]))
    if "no_repeat_ngram" in options:
        chain.append(hf.NoRepeatNGramLogitsProcessor(options["no_repeat_ngram"]))
    if "temperature" in options:
        chain.append(hf.TemperatureLogitsWarper(options["temperature"]))
    if "top_k" in options:
        chain.append(hf.TopKLogitsWarper(options["top_k"]))
    if "top_p" in options:
        chain.append(hf.TopPLogitsWarper(options["top_p"]))
    if "min_p" in options:
        chain.append(hf.MinPLogitsWarper(options["min_p"]))
    return chain


def random_options(rng):
    choices = {
        "logit_bias": [[[rng.randrange(VOCABULARY), 2.5], [VOCABULARY - 1, -3.25]]],
        "repetition_penalty": [1.3, 0.8],
        "no_repeat_ngram": [1, 2, 3],
        "temperature": [0.6, 1.7],
        "top_k": [1, 4, 12, 100],
        "top_p": [0.0, 0.35, 0.83, 0.97],
        "min_p": [0.06, 0.41],
    }
    return {name: rng.choice(values) for name, values in choices.items() if rng.random() < 0.5}


def case(rng):
    logits = [round(rng.gauss(0, 2.5), 3) for _ in range(VOCABULARY)]
    text = [rng.randrange(5) for _ in range(rng.randrange(1, 9))]
    options = random_options(rng)
    if set(options) <= {"logit_bias", "repetition_penalty", "no_repeat_ngram", "temperature", "top_k"}:
        logits = [round(2 * value) / 2 for value in logits]  # ties: which of equals top_p keeps is not defined
    scores = processors(options)(torch.tensor([text]), torch.tensor([logits]))
    probabilities = torch.softmax(scores.double(), -1)[0].tolist()
    return {"logits": logits, "text": text, "options": options,
            "probabilities": [float(f"{p:.9g}") for p in probabilities]}


def main():
    rng = random.Random(4)
    cases = [case(rng) for _ in range(CASES)]
    versions = {"transformers": transformers.__version__, "torch": torch.__version__}
    lines = ",\n".join(json.dumps(one) for one in cases)
    print('{"versions": %s, "cases": [\n%s\n]}' % (json.dumps(versions), lines))


if __name__ == "__main__":
    main()
