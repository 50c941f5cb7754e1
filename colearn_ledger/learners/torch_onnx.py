"""PyTorch modules as ONNX, by PyTorch's own exporter."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from .parts import is_several, mapped

__all__ = ["write_onnx"]

# What the exporter notes beside each operation: the program's lines, by their paths on this machine.
_NOTES = "pkg.torch."


class _Whole(torch.nn.Module):  # type: ignore[misc]
    """The module with all its inputs as one argument, whatever their form."""

    def __init__(self, model: torch.nn.Module, caller: Callable[[torch.nn.Module], Callable[[Any], Any]]) -> None:
        super().__init__()
        self.model = model
        self._call = caller(model)

    def forward(self, inputs: Any) -> Any:
        return self._call(inputs)


def write_onnx(
    model: torch.nn.Module, caller: Callable[[torch.nn.Module], Callable[[Any], Any]], inputs: Any, path: Path
) -> None:
    """Write the module in evaluation mode, for any number of samples.

    Parameters
    ----------
    model: stays as it is: a copy on the CPU is written.
    caller: how a module is called with inputs of this form.
    inputs: tensors of some samples, of which only types and shapes are used.
    path: the file, of one piece.
    """
    # Two samples: the exporter takes one for a number that never changes. Zeros: no sample gets into the file.
    like = mapped(lambda t: torch.zeros((2, *t.shape[1:]), dtype=t.dtype), inputs)
    names = list(inputs) if isinstance(inputs, dict) else None
    if names is None:
        names = [f"input_{i}" for i in range(len(inputs))] if is_several(inputs) else ["input"]
    nested = is_several(inputs) and any(map(is_several, inputs.values() if isinstance(inputs, dict) else inputs))
    program = torch.onnx.export(
        _Whole(copy.deepcopy(model).cpu(), caller).eval(),
        kwargs={"inputs": like},
        input_names=None if nested else names,
        dynamic_shapes={"inputs": mapped(lambda _: {0: "batch"}, like)},
        dynamo=True,
        verbose=False,
    )
    assert program is not None, "given no path, PyTorch's exporter returns the program"
    _forget_notes(program.model)
    program.save(str(path), external_data=False)


def _forget_notes(model: Any) -> None:
    graphs = [model.graph, *(function.graph for function in model.functions.values())]
    for holder in (model, *graphs, *(part for graph in graphs for part in _parts_of(graph))):
        for key in [key for key in holder.metadata_props if key.startswith(_NOTES) or key == "namespace"]:
            del holder.metadata_props[key]


def _parts_of(graph: Any) -> list[Any]:
    return [*graph.all_nodes(), *graph.inputs, *graph.outputs, *graph.initializers.values()]
