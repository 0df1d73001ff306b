"""Operations counted, not timed."""

from __future__ import annotations

from collections.abc import Callable

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


def count_flops(step: Callable[[], object]) -> int:
    """Operations of the convolutions and products in a step, forward and backward, by PyTorch's own formulas."""
    with _Counter() as counter:
        step()
    return counter.total


class _Counter(TorchDispatchMode):
    """PyTorch's FlopCounterMode follows modules too, and fails in a function that asks for gradients on its way forward (Eq. 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        options = options or {}
        if (
            function._overloadpacket not in flop_registry
            and (parts := function.decompose(*arguments, **options)) is not NotImplemented
        ):
            return parts
        result = function(*arguments, **options)
        if function._overloadpacket in flop_registry:
            self.total += flop_registry[function._overloadpacket](*arguments, **options, out_val=result)
        return result
