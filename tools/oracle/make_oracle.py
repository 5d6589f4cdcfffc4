#!/usr/bin/env python3
"""Computes the numbers that the whole-model tests compare with: a small seeded GPT-2, its logits,
loss, every gradient and ten AdamW steps, by Hugging Face transformers on PyTorch in float64.

    pip install -r tools/oracle/requirements.txt
    python3 tools/oracle/make_oracle.py tests/golden/oracle

Sizes are deliberately no multiples of 8, biases and gains deliberately not 0 and 1, so that a
transposed weight, a dropped bias or a padded row cannot go unseen.
"""

import copy
import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file, save_file

VOCAB, CONTEXT, WIDTH, HEADS, LAYERS = 97, 32, 36, 3, 2
BATCH, LENGTH, STEPS, SEED = 2, 24, 10, 20240607
IGNORED = -1
ADAMW = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.1, "clip": 1.0}


def make_model():
    """A GPT-2 whose parameters are all random, rounded to float32 and held in float64."""
    config = transformers.GPT2Config(
        vocab_size=VOCAB, n_positions=CONTEXT, n_embd=WIDTH, n_head=HEADS, n_layer=LAYERS,
        activation_function="gelu_new", embd_pdrop=0.0, attn_pdrop=0.0, resid_pdrop=0.0,
        bos_token_id=0, eos_token_id=0, attn_implementation="eager")
    model = transformers.GPT2LMHeadModel(config)
    rng = np.random.default_rng(SEED)
    with torch.no_grad():
        for name, p in model.named_parameters():
            gain = name.endswith("weight") and p.dim() == 1
            std = 0.15 if p.dim() == 1 else 0.3 if "wte" in name else 0.2
            draw = rng.normal(1.0 if gain else 0.0, std, tuple(p.shape))
            p.copy_(torch.from_numpy(draw.astype(np.float32)))
    return model.double().train()


def make_batch():
    """Token ids and next-token targets [BATCH, LENGTH]; one target is masked."""
    rng = np.random.default_rng(SEED + 1)
    ids = rng.integers(0, VOCAB, (BATCH, LENGTH + 1))
    tokens, targets = ids[:, :-1].copy(), ids[:, 1:].copy()
    targets[1, 7] = IGNORED
    return torch.from_numpy(tokens), torch.from_numpy(targets)


def logits_and_loss(model, tokens, targets):
    logits = model(input_ids=tokens).logits
    loss = F.cross_entropy(logits.reshape(-1, VOCAB), targets.reshape(-1), ignore_index=IGNORED)
    return logits, loss


def gradients(model, tokens, targets):
    model.zero_grad(set_to_none=True)
    logits, loss = logits_and_loss(model, tokens, targets)
    loss.backward()
    return logits.detach(), loss.item(), {n: p.grad for n, p in model.named_parameters()}


def global_norm(grads):
    return torch.sqrt(sum((g * g).sum() for g in grads.values())).item()


def train_with_torch(model, tokens, targets):
    """Ten steps by torch.optim.AdamW; losses[i] is the loss before step i, the last one after."""
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    plain = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": ADAMW["weight_decay"]},
         {"params": plain, "weight_decay": 0.0}],
        lr=ADAMW["lr"], betas=(ADAMW["beta1"], ADAMW["beta2"]), eps=ADAMW["eps"])
    losses, norms = [], []
    for _ in range(STEPS):
        _, loss, grads = gradients(model, tokens, targets)
        norm = global_norm(grads)
        for g in grads.values():
            g *= min(1.0, ADAMW["clip"] / norm)
        optimizer.step()
        losses.append(loss)
        norms.append(norm)
    losses.append(logits_and_loss(model, tokens, targets)[1].item())
    return losses, norms


def train_by_hand(model, tokens, targets):
    """The same ten steps with AdamW written out in numpy."""
    params = dict(model.named_parameters())
    m = {n: np.zeros(p.shape) for n, p in params.items()}
    v = {n: np.zeros(p.shape) for n, p in params.items()}
    losses = []
    for t in range(1, STEPS + 1):
        _, loss, grads = gradients(model, tokens, targets)
        losses.append(loss)
        scale = min(1.0, ADAMW["clip"] / global_norm(grads))
        for name, p in params.items():
            g = grads[name].numpy() * scale
            m[name] = ADAMW["beta1"] * m[name] + (1 - ADAMW["beta1"]) * g
            v[name] = ADAMW["beta2"] * v[name] + (1 - ADAMW["beta2"]) * g * g
            m_hat = m[name] / (1 - ADAMW["beta1"] ** t)
            v_hat = v[name] / (1 - ADAMW["beta2"] ** t)
            decay = ADAMW["weight_decay"] if p.dim() >= 2 else 0.0
            old = p.detach().numpy()
            new = old - ADAMW["lr"] * (m_hat / (np.sqrt(v_hat) + ADAMW["eps"]) + decay * old)
            p.data.copy_(torch.from_numpy(new))
    losses.append(logits_and_loss(model, tokens, targets)[1].item())
    return losses


def numpy_loss(weights, tokens, targets):
    """The forward pass written out in numpy from the architecture's description."""
    w = {n.removeprefix("transformer."): p.double().numpy() for n, p in weights.items()}

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        return (centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
                * w[name + ".weight"] + w[name + ".bias"])

    def linear(x, name):
        return x @ w[name + ".weight"] + w[name + ".bias"]

    x = w["wte.weight"][tokens] + w["wpe.weight"][:LENGTH]
    hidden = np.triu(np.full((LENGTH, LENGTH), -np.inf), 1)
    for layer in range(LAYERS):
        at = f"h.{layer}."
        qkv = linear(norm(x, at + "ln_1"), at + "attn.c_attn")
        q, k, v = (part.reshape(BATCH, LENGTH, HEADS, -1).transpose(0, 2, 1, 3)
                   for part in np.split(qkv, 3, -1))
        scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(WIDTH // HEADS) + hidden
        weights_ = np.exp(scores - scores.max(-1, keepdims=True))
        weights_ /= weights_.sum(-1, keepdims=True)
        mixed = (weights_ @ v).transpose(0, 2, 1, 3).reshape(BATCH, LENGTH, WIDTH)
        x = x + linear(mixed, at + "attn.c_proj")
        u = linear(norm(x, at + "ln_2"), at + "mlp.c_fc")
        u = 0.5 * u * (1 + np.tanh(np.sqrt(2 / np.pi) * (u + 0.044715 * u**3)))
        x = x + linear(u, at + "mlp.c_proj")
    logits = norm(x, "ln_f") @ w["wte.weight"].T
    top = logits.max(-1, keepdims=True)
    log_sum = np.log(np.exp(logits - top).sum(-1)) + top[..., 0]
    kept = targets != IGNORED
    picked = np.take_along_axis(logits, np.where(kept, targets, 0)[..., None], -1)[..., 0]
    return logits, (log_sum - picked)[kept].mean()


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/oracle")
    out.mkdir(parents=True, exist_ok=True)
    torch.use_deterministic_algorithms(True)
    model = make_model()
    tokens, targets = make_batch()

    saved = copy.deepcopy(model).float()
    saved.save_pretrained(out)
    (out / "generation_config.json").unlink(missing_ok=True)
    weights = load_file(out / "model.safetensors")

    logits, loss, grads = gradients(model, tokens, targets)
    grads = {name: g.clone() for name, g in grads.items()}
    losses, norms = train_with_torch(copy.deepcopy(model), tokens, targets)

    # Checks that need nothing of the above but the saved weights and the definitions.
    again, loss_again = numpy_loss(weights, tokens.numpy(), targets.numpy())
    assert np.abs(again - logits.numpy()).max() < 1e-10 and abs(loss_again - loss) < 1e-12
    by_hand = train_by_hand(copy.deepcopy(model), tokens, targets)
    assert np.abs(np.array(by_hand) - np.array(losses)).max() < 1e-10
    assert losses[0] == loss and all(a > b for a, b in zip(losses, losses[1:]))
    assert set("transformer." + n.removeprefix("transformer.") for n in weights) == set(grads)
    assert all((g.abs() > 1e-7).double().mean() > 0.6 for g in grads.values())

    tensors = {f"grad.{name}": g.float().contiguous() for name, g in grads.items()}
    tensors["logits"] = logits.float().contiguous()
    save_file(tensors, out / "oracle.safetensors")
    numbers = {
        "versions": {"torch": torch.__version__.split("+")[0],
                     "transformers": transformers.__version__, "numpy": np.__version__},
        "tokens": tokens.tolist(), "targets": targets.tolist(), "ignore_index": IGNORED,
        "loss": loss, "grad_norm": norms[0], "adamw": ADAMW,
        "losses": losses[:STEPS], "grad_norms": norms, "loss_after": losses[STEPS],
    }
    lines = ",\n".join(f'  "{key}": {json.dumps(value)}' for key, value in numbers.items())
    (out / "oracle.json").write_text("{\n" + lines + "\n}\n")
    for file in out.iterdir():
        file.chmod(0o644)
    print(f"loss {loss:.6f}, losses {losses[0]:.4f} .. {losses[-1]:.4f}, norms {norms}")


if __name__ == "__main__":
    main()
