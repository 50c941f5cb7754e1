"""A learner around an adapter of a language model: the base stays where it is, only the adapter travels."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import UsageError, how_to_install
from .saved import SavedFile
from .sets import Data
from .sharing import TRAINABLE, Share
from .voting.policy import Evaluation

try:
    import peft
    import torch

    from .language_models import (
        IGNORED,
        OnTokens,
        adapted,
        kind_of,
        load_base,
        next_token_loss,
        padding_token,
        token_blocks,
    )
    from .torch import TorchLearner, accuracy
except ModuleNotFoundError as error:
    raise UsageError(
        f"the learner of adapters needs {error.name}, which is not installed",
        expected="PyTorch, transformers and peft",
        fix=how_to_install("llm"),
    ) from error

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .privacy.learner import PrivateOptions

__all__ = ["PeftLearner"]

Array = np.ndarray[Any, Any]
Texts = Sequence[str]

PADDING = -1  # where a row has no token
SCORE_TOKENS = 512  # at once: each has as many outputs as the vocabulary has entries
ADAM_W = functools.partial(torch.optim.AdamW, lr=1e-3)
# What of an adapter's settings neither changes what it computes nor is the same on two machines.
_ELSEWHERE = {"base_model_name_or_path", "revision", "inference_mode", "auto_mapping", "peft_version", "runtime_config"}


class PeftLearner(TorchLearner):
    """Trains, tests and votes with an adapter (LoRA, say) of a language model, by Hugging Face's ``peft``.

    The weights are the adapter's arrays. The base model is frozen and doesn't travel: its hash, with the adapter's
    settings, is part of the weights' schema, so members with another base, or another rank, don't fit
    (:class:`~colearn_ledger.learners.sharing.SharingLearner`).

    Parameters
    ----------
    model: a causal language model or one that classifies sequences, of transformers, or the path of its folder
        (:func:`~colearn_ledger.learners.language_models.load_base`). Its modules are copied, its parameters aren't but
        frozen: several learners in one process hold one base. A model that ``peft`` has wrapped already is taken as it
        is.
    train, vote, test: texts for a language model; texts and their labels, as a pair, for one that classifies. Or arrays
        of tokens in their place, int64, (rows, length).
    tokenizer: of the model; not needed for arrays of tokens, and read with a model that is given by its folder.
    adapter: peft's configuration; by default LoRA of rank 8 on what peft chooses for the model.
    length: tokens in a row; longer texts to be classified are cut off.
    metric: ``"perplexity"`` (the default of language models) or ``"loss"``, on the member's own text, each with its
        sign changed, since a score is such that higher is better; or as for ``TorchLearner``: a function of the outputs
        and the targets of some rows that gives a number for each row, of which ``higher_is_better`` says whether more
        is better. Accuracy by default where sequences are classified.
    share: what of the adapter is the collective's; by default all that is trained.
    optimizer: AdamW with a learning rate of 0.001 if not given.
    options: as for :class:`~colearn_ledger.learners.torch.TorchLearner`; ``batch_size`` is 8 if not given.

    Raises DataError for a folder without a model, and UsageError for a set without a row, and differential privacy.
    """

    DEFAULT_BATCH_SIZE = 8

    def __init__(
        self,
        model: Any,
        train: Any,
        vote: Any,
        test: Any,
        *,
        tokenizer: Any = None,
        adapter: Any = None,
        length: int = 128,
        loss: Callable[[Any, Any], Any] | None = None,
        metric: Callable[[Any, Any], Any] | Literal["perplexity", "loss"] | None = None,
        criterion: str | None = None,
        higher_is_better: bool | None = None,
        share: Share = TRAINABLE,
        optimizer: Callable[[Any], torch.optim.Optimizer] = ADAM_W,
        device: str | torch.device = "cpu",
        precision: Any = "float32",
        threads: int = 1,
        deterministic: bool = False,
        **options: Unpack[PrivateOptions],
    ) -> None:
        if options.get("privacy") is not None:
            raise UsageError(
                "differential privacy of an adapter", expected="none: it isn't offered", fix="leave it out"
            )
        if isinstance(model, str | Path):
            kind: Any = getattr(adapter, "task_type", None) or "CAUSAL_LM"
            model, found = load_base(model, kind)
            tokenizer = found if tokenizer is None else tokenizer
        self._task = kind_of(model, adapter)
        self._tokenizer, self._length = tokenizer, length
        inner = model if isinstance(model, peft.PeftModel) else adapted(model, adapter, self._task)
        pad = padding_token(inner, tokenizer)
        named = {"train": train, "vote": vote, "test": test}
        sets = [self._rows(name, data) for name, data in named.items()]
        causal = self._task == "CAUSAL_LM"
        scores: Callable[[Any, Any], Any] | None = metric if callable(metric) else None if causal else accuracy
        if metric is not None and not callable(metric):
            if metric not in ("perplexity", "loss") or (metric == "perplexity" and not causal):
                expected = "'perplexity', 'loss' or a function" if causal else "'loss' or a function"
                raise UsageError(f"metric is {metric!r}", expected=expected, fix="choose one of these")
            scores, criterion = None, criterion or metric
        elif metric is None and causal:
            criterion = criterion or "perplexity"
        self._perplexity = causal and scores is None and metric != "loss"
        super().__init__(
            OnTokens(inner, pad),
            *sets,
            loss=loss or (next_token_loss if causal else torch.nn.functional.cross_entropy),
            optimizer=optimizer,
            metric=scores,
            criterion=criterion,
            higher_is_better=higher_is_better,
            device=device,
            precision=precision,
            threads=threads,
            deterministic=deterministic,
            share=share,
            **options,
        )

    @property
    def rows_at_once(self) -> int:
        return max(1, SCORE_TOKENS // int(self.train_set[0].shape[1]))

    @property
    def model(self) -> Any:
        """The base with its adapter, as peft has it: the learner's own, so don't train or change it, but a copy."""
        return self._model.inner

    @property
    def vote_samples(self) -> int:
        """How many samples the votes are decided on: of a language model, how many tokens are guessed."""
        return _guesses(self.vote_set[1]) if self._task == "CAUSAL_LM" else super().vote_samples

    def base_settings(self) -> str:
        """The adapter's settings, as far as they aren't peft's defaults."""
        config = self.model.active_peft_config
        defaults = type(config)().to_dict()
        told = {
            name: sorted(value) if isinstance(value, set) else value
            for name, value in config.to_dict().items()
            if name not in _ELSEWHERE and (value != defaults.get(name) or name == "peft_type")
        }
        return json.dumps(told, sort_keys=True, default=str)

    def predict(self, x: Any) -> Array:
        """The model's outputs for texts, or for rows of tokens: of each token's successor, or of each class."""
        outputs: Array = super().predict(self._padded(x) if _are_texts(x) else x)
        return outputs

    def save_model(self, folder: Path) -> tuple[SavedFile, ...]:
        """The adapter alone, as ``peft.PeftModel.from_pretrained(base, folder)`` reads it."""
        self.model.save_pretrained(str(folder), save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)  # a form to be filled in, in the name of a hub
        opens = "from pathlib import Path; from peft import PeftModel; "
        opens += (
            'model = PeftModel.from_pretrained(base, Path("{path}").parent)  # base: the model that it was trained on'
        )
        arrays = 'from safetensors.numpy import load_file; arrays = load_file("{path}")'
        return SavedFile("adapter_config.json", opens), SavedFile("adapter_model.safetensors", arrays)

    def write_onnx(self, path: Path) -> None:
        """None: the file would be the base model, of which the collective's are a few arrays."""
        raise UsageError(
            "ONNX of an adapter of a language model",
            expected="the adapter alone, which peft opens with its base",
            fix="leave ONNX out",
        )

    def evaluate(self, data: Data, *, outcomes: bool = False) -> Evaluation:
        """A language model's score is summed row by row: its outputs for a whole set are too many to keep."""
        if self._task != "CAUSAL_LM":
            return super().evaluate(data, outcomes=outcomes)
        self._model.eval()
        with torch.no_grad(), self._on.computing():
            sums, counts, scores = self._in_pieces(functools.partial(self._summed, self._set_of(data)))
        loss = float(sums.sum() / max(1, counts.sum()))
        parts = -(sums / np.maximum(1, counts))
        if self._metric is not None:
            parts = scores if self._up else -scores
            score = float(parts.mean(dtype=np.float64))
        else:
            score = -math.exp(min(loss, 700.0)) if self._perplexity else -loss
        return Evaluation(score, self._criterion, int(counts.sum()), parts if outcomes else None, loss)

    def _summed(self, data: Any, size: int) -> tuple[Array, Array, Array]:
        """For each row the loss of its tokens, how many they are, and the metric."""
        sums, counts, scores = [], [], []
        for x, y in data.pieces(size):
            with self._on.autocast():
                output = self._model(x)
            output = output.float()
            wanted = torch.where(y < 0, IGNORED, y)[:, 1:]
            lost = torch.nn.functional.cross_entropy(output[:, :-1].transpose(1, 2), wanted, reduction="none")
            sums.append(lost.double().sum(1).cpu().numpy())
            counts.append((wanted != IGNORED).sum(1).cpu().numpy())
            if self._metric is not None:
                scores.append(np.asarray(torch.as_tensor(self._metric(output, y)).cpu(), np.float64).reshape(len(x)))
        return np.concatenate(sums), np.concatenate(counts), np.concatenate(scores) if scores else np.empty(0)

    def _rows(self, name: str, data: Any) -> Data:
        """Tokens and targets of a set."""
        if self._task == "SEQ_CLS":
            texts, labels = data
            return (self._padded(texts) if _are_texts(texts) else texts), np.asarray(labels)
        rows = token_blocks(self._the_tokenizer(), data, self._length) if _are_texts(data) else data
        rows = rows[0] if isinstance(rows, tuple) else np.asarray(rows)
        if rows.ndim != 2 or len(rows) == 0 or rows.dtype.kind not in "iu":
            raise UsageError(
                f"the {name} set has {len(rows)} rows of {self._length} tokens"
                if rows.ndim == 2
                else f"the {name} set is an array of {rows.ndim} dimensions",
                expected="texts that fill at least one row, or an array of tokens (rows, length)",
                fix="give more text, or a smaller length",
            )
        return rows, rows

    def _padded(self, texts: Texts) -> Array:
        """Each text as a row, cut off at the length; the shorter ones are filled up."""
        tokenize = self._the_tokenizer()
        tokens = [tokenize(text, truncation=True, max_length=self._length)["input_ids"] for text in texts]
        rows = np.full((len(tokens), max(map(len, tokens), default=1)), PADDING, np.int64)
        for row, own in zip(rows, tokens, strict=True):
            row[: len(own)] = own
        return rows

    def _the_tokenizer(self) -> Any:
        if self._tokenizer is None:
            raise UsageError("texts without a tokenizer", expected="tokenizer=, the model's own", fix="give it, too")
        return self._tokenizer


def _guesses(targets: Array) -> int:
    return int((np.asarray(targets)[:, 1:] >= 0).sum())


def _are_texts(data: Any) -> bool:
    return isinstance(data, list | tuple) and all(isinstance(one, str) for one in data)
