"""A step as a CUDA graph. A step of the method is some thousand kernels, and a GPU can be done with one before the next is launched."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3
"""Calls before recording. In these comes about whatever is made at first use, such as workspaces and index tensors."""


class CUDAGraphStep:
    """A function of tensors on a CUDA device: its kernels are recorded once and then launched all together, with the same numbers.

    Args:
        function: from tensors, whose shapes and types never change, to named tensors. It does the same kernels at each call, and what
            it changes it changes in place. It waits for no result and takes nothing else from main memory.
    """

    def __init__(self, function: Callable[..., dict[str, Tensor]]) -> None:
        self._function = function
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: tuple[Tensor, ...] = ()
        self._results: dict[str, Tensor] = {}

    def __call__(self, *inputs: Tensor) -> dict[str, Tensor]:
        """What the function gives. If its kernels can't be recorded they are launched one by one, and a warning says so once."""
        self._calls += 1
        if self._calls <= WARM_UP:
            return self.warm_up(inputs)
        if self._calls == WARM_UP + 1:
            self._record(inputs)
        if self._graph is None:
            return self._function(*inputs)
        for kept, value in zip(self._inputs, inputs, strict=True):
            kept.copy_(value)
        self._graph.replay()
        return {name: value.clone() for name, value in self._results.items()}  # the next replay writes over them

    def warm_up(self, inputs: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """A plain call on a stream of its own, as recording is."""
        stream, current = torch.cuda.Stream(), torch.cuda.current_stream()
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            results = self._function(*inputs)
        current.wait_stream(stream)
        return results

    def _record(self, inputs: tuple[Tensor, ...]) -> None:
        """Record the function's kernels, which does not run them."""
        graph, kept = torch.cuda.CUDAGraph(), tuple(value.clone() for value in inputs)
        try:
            with torch.cuda.graph(graph):
                results = self._function(*kept)
        except RuntimeError as error:
            warnings.warn(f"steps are not recorded as a CUDA graph, which makes them slower: {error}", stacklevel=2)
            return
        self._graph, self._inputs, self._results = graph, kept, results
