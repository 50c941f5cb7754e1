"""One step of DP-SGD for a PyTorch module, with Opacus: every sample's own gradient, clipped; their sum, with noise."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ...errors import LearnerError, UsageError, how_to_install

try:
    from opacus.grad_sample import GradSampleModule
    from opacus.optimizers import DPOptimizer
    from opacus.validators import ModuleValidator
except ModuleNotFoundError as error:
    raise UsageError(
        f"a PyTorch learner with differential privacy needs {error.name}, which is not installed",
        expected="Opacus",
        fix=how_to_install("torch,privacy"),
    ) from error

__all__ = ["PrivateStep"]


class PrivateStep:
    """A training step that no sample can move by more than ``clip / batch_size``, up to noise.

    Parameters
    ----------
    model: the module. Its layers get hooks that keep each sample's gradient while it is trained.
    clip: norm that each sample's gradient is clipped to.
    noise_multiplier: standard deviation of the noise in units of ``clip``.
    batch_size: the mean size of a sample, by which the noisy sum is divided.

    Raises
    ------
    LearnerError: the model mixes the samples of a batch (batch normalization), or has layers that Opacus can't
        differentiate sample by sample.
    """

    def __init__(self, model: torch.nn.Module, *, clip: float, noise_multiplier: float, batch_size: int) -> None:
        problems = ModuleValidator.validate(model.train(), strict=False)
        if problems:
            raise LearnerError(
                f"the PyTorch model can't be trained with differential privacy: {problems[0]}",
                expected="a model in which every sample has a gradient of its own",
                fix="use GroupNorm or LayerNorm for batch normalization; opacus.validators.ModuleValidator tells more",
            )
        self._clip, self._noise, self._batch_size = clip, noise_multiplier, batch_size
        self._model = GradSampleModule(model)
        self._generator = torch.Generator(next(model.parameters()).device)

    def __call__(
        self,
        optimizer: torch.optim.Optimizer,
        loss: Callable[[Any, Any], Any],
        x: torch.Tensor,
        y: torch.Tensor,
        rng: np.random.Generator,
    ) -> None:
        """Take one step of ``optimizer`` on these samples; there may be none. ``loss`` is the mean over a batch."""
        self._generator.manual_seed(int(rng.integers(2**63)))
        private = DPOptimizer(
            optimizer,
            noise_multiplier=self._noise,
            max_grad_norm=self._clip,
            expected_batch_size=self._batch_size,
            generator=self._generator,
        )
        private.zero_grad()
        self.differentiate(private.params, loss, x, y)
        private.step()
        private.zero_grad(set_to_none=True)

    def differentiate(self, parameters: list[Any], loss: Callable[[Any, Any], Any], x: Any, y: Any) -> None:
        """Leave each sample's gradient in the parameters' ``grad_sample``."""
        if len(x):
            with warnings.catch_warnings():
                # PyTorch tells of hooks that see no gradient with respect to the inputs, which nobody needs.
                warnings.filterwarnings("ignore", message=".*non-full backward hook.*|.*Full backward hook.*")
                loss(self._model(x), y).backward()
        for p in parameters:
            if getattr(p, "grad_sample", None) is None:  # the loss doesn't depend on it, or there is nobody
                p.grad_sample = torch.zeros((len(x), *p.shape), dtype=p.dtype, device=p.device)
        # A gradient that isn't finite counts as none: it has no direction.
        good = torch.stack(
            [p.grad_sample.reshape(len(x), max(1, p.numel())).isfinite().all(1) for p in parameters]
        ).all(0)
        if not good.all():
            for p in parameters:
                p.grad_sample = torch.where(good.reshape(-1, *[1] * (p.grad_sample.dim() - 1)), p.grad_sample, 0.0)
