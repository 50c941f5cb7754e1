"""Small language models of random weights, a tokenizer of letters, and texts; needs transformers and peft."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

__all__ = ["LETTERS", "classifier", "language_model", "save_base", "texts", "tokenizer"]

LETTERS = "abcdefghijklmnopqrstuvwxyz ."


def tokenizer() -> Any:
    """One token for each letter, and one for the end of a text."""
    vocabulary = {letter: i for i, letter in enumerate(LETTERS)} | {"<end>": len(LETTERS), "<?>": len(LETTERS) + 1}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<?>"))
    made.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    made.decoder = decoders.Fuse()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>", unk_token="<?>")


def _config(**options: Any) -> Any:
    return transformers.LlamaConfig(
        vocab_size=len(LETTERS) + 2,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        **options,
    )


def language_model(seed: int = 1) -> Any:
    """A causal one of 20,000 weights, which a few hundred steps have taught what letters follow each other."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return transformers.LlamaForCausalLM(_config())


def classifier(seed: int = 1) -> Any:
    """One that tells two classes of texts apart."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return transformers.LlamaForSequenceClassification(_config(num_labels=2))


def save_base(folder: Path) -> Path:
    """A model and its tokenizer in a folder, as a task reads them."""
    language_model().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def texts(member: int, count: int, seed: int = 0) -> list[str]:
    """Sentences of a member's own words."""
    words = np.array(["ab", "bad", "dab", "cab", "fade", "bead", "ace", "deaf", "gag", "hedge", "jig", "kick"])
    rng = np.random.default_rng([member, seed])
    mine = words[rng.permutation(len(words))[:6]] if member else words[:6]
    return [" ".join(rng.choice(mine, 12)) + "." for _ in range(count)]
