"""Language models of transformers for a learner: read from a folder, adapted by peft, as functions of tokens."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import peft
import torch
import transformers

from ..errors import DataError, LearnerError, UsageError

__all__ = ["IGNORED", "OnTokens", "adapted", "kind_of", "load_base", "next_token_loss", "padding_token", "token_blocks"]

Array = np.ndarray[Any, Any]

IGNORED = -100  # a target that no loss counts, as in transformers
_KINDS = {"CAUSAL_LM": "AutoModelForCausalLM", "SEQ_CLS": "AutoModelForSequenceClassification"}


def next_token_loss(output: Any, target: Any) -> Any:
    """The mean cross entropy of each token after those before it: outputs (n, length, vocabulary), targets the tokens.

    Targets that are negative aren't counted.
    """
    wanted = torch.where(target < 0, IGNORED, target)[:, 1:]
    return torch.nn.functional.cross_entropy(output[:, :-1].flatten(0, 1), wanted.flatten(), ignore_index=IGNORED)


def load_base(
    folder: str | Path, kind: Literal["CAUSAL_LM", "SEQ_CLS"] = "CAUSAL_LM", **options: Any
) -> tuple[Any, Any]:
    """A model and its tokenizer out of a folder on this machine, in float32; nothing is fetched.

    Parameters
    ----------
    folder: as ``save_pretrained`` writes it, or one with a GGUF file, then with ``gguf_file=`` its name.
    options: of transformers' ``from_pretrained``.

    Raises DataError where there is none that can be read.
    """
    own = {"gguf_file": options["gguf_file"]} if "gguf_file" in options else {}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True, **own)
        make = getattr(transformers, _KINDS[kind])
        model = make.from_pretrained(str(folder), local_files_only=True, **{"dtype": torch.float32, **options})
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"no model can be read from {folder}: {str(error).strip().splitlines()[0][:200]}",
            expected="a folder with a model and its tokenizer, as transformers' save_pretrained writes them",
            fix="correct the path, or save them there",
        ) from error
    return model, tokenizer


def token_blocks(tokenizer: Any, texts: Iterable[str], length: int) -> Array:
    """Texts one after the other, each closed by the end-of-text token, cut into rows of so many tokens.

    What is left at the end is dropped. An array of int64, (rows, length).
    """
    tokens: list[int] = []
    for text in texts:
        tokens += tokenizer(text, add_special_tokens=False)["input_ids"]
        tokens += [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    return np.array(tokens[: len(tokens) // length * length], np.int64).reshape(-1, length)


class OnTokens(torch.nn.Module):  # type: ignore[misc]
    """The model as a function of one array of tokens, in which what is negative is no token."""

    def __init__(self, inner: Any, pad: int) -> None:
        super().__init__()
        self.inner, self._pad = inner, pad
        self._asks = {} if _classifies(inner) else {"use_cache": False}

    def forward(self, rows: torch.Tensor) -> Any:
        there = rows >= 0
        return self.inner(
            input_ids=torch.where(there, rows, self._pad), attention_mask=there.to(torch.int64), **self._asks
        ).logits


def adapted(model: Any, adapter: Any, kind: str) -> Any:
    """The model with a new adapter, which begins the same everywhere; its parameters are the given model's own."""
    if not isinstance(model, torch.nn.Module):
        raise LearnerError(
            f"the model is a {type(model).__name__}",
            expected="a model of transformers or peft, or the path of a folder with one",
            fix="give the model itself",
        )
    mine = copy.deepcopy(model, {id(p): p for p in model.parameters()})
    config = peft.LoraConfig(r=8, lora_alpha=16) if adapter is None else copy.deepcopy(adapter)
    config.task_type = config.task_type or kind
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # what transformers will rename, and peft still calls so
        torch.manual_seed(0)
        try:
            return peft.get_peft_model(mine, config)
        except ValueError as error:  # such as target modules that the model doesn't have
            raise UsageError(
                f"peft can't adapt the model: {str(error).strip().splitlines()[0][:300]}",
                expected="an adapter whose target modules the model has",
                fix="name others in the adapter's configuration",
            ) from error


def kind_of(model: Any, adapter: Any) -> str:
    """``"CAUSAL_LM"`` or ``"SEQ_CLS"``."""
    config = getattr(model, "active_peft_config", adapter)
    kind = str(getattr(getattr(config, "task_type", None), "value", getattr(config, "task_type", None)) or "")
    if not kind:
        kind = "SEQ_CLS" if _classifies(model) else "CAUSAL_LM" if getattr(model, "can_generate", bool)() else ""
    if kind not in _KINDS:
        raise UsageError(
            f"the model is a {type(model).__name__}" + (f" for {kind}" if kind else ""),
            expected="a causal language model, or one that classifies sequences",
            fix="give another model, or the adapter's task_type",
        )
    return kind


def _classifies(model: Any) -> bool:
    inner = model.get_base_model() if isinstance(model, peft.PeftModel) else model
    return type(inner).__name__.endswith("ForSequenceClassification")


def padding_token(inner: Any, tokenizer: Any) -> int:
    """What stands where a row has no token; the model is told, since it looks for a row's end by it."""
    config = inner.get_base_model().config
    known = (config.pad_token_id, getattr(tokenizer, "pad_token_id", None), getattr(tokenizer, "eos_token_id", None), 0)
    pad = next(int(token) for token in known if token is not None)
    config.pad_token_id = pad
    return pad
