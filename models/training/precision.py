"""What a training computes in: the forward pass in a narrower type, the weights in their own.

`float16` overflows where the other types do not, so its loss is scaled up before the gradients are
taken, and a step whose gradients overflow is left out. `tf32` is float32 whose products an
accelerator may round to ten bits; elsewhere it is float32.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn

from terrasweep.models.spec import TrainingSpec

NARROW: Final = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Arithmetic:
    """The number types of one training, and the scale of its loss where it needs one."""

    def __init__(self, training: TrainingSpec, *, device: torch.device) -> None:
        self.device, self.clip_norm = device, training.clip_norm
        self.narrow = NARROW.get(training.precision)
        # An accelerator's own rounding counts as a precision, never as a default.
        self.rounds_products = training.precision == "tf32"
        scaled = training.precision == "float16"
        self.scaler = torch.amp.GradScaler(device.type, enabled=scaled)

    def forward(self) -> AbstractContextManager[None]:
        """Compute a loss in the narrower type, if there is one."""
        enabled = self.narrow is not None
        return torch.autocast(self.device.type, self.narrow, enabled=enabled)

    def backward(self, loss: Tensor) -> None:
        """Add a loss's gradients, scaled, to those that are there."""
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def step(self, optimiser: torch.optim.Optimizer, network: nn.Module) -> None:
        """Clip and take a step; one whose scaled gradients overflow is not taken."""
        self.scaler.unscale_(optimiser)
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(network.parameters(), self.clip_norm)
        self.scaler.step(optimiser)
        self.scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """Return what the steps to come depend on."""
        state: dict[str, Any] = self.scaler.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with a scale that was saved."""
        self.scaler.load_state_dict(state)

    @contextmanager
    def products(self) -> Iterator[None]:
        """Let an accelerator round float32 products, or not, while the block runs."""
        matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
        before = matmul.allow_tf32, cudnn.allow_tf32
        matmul.allow_tf32 = cudnn.allow_tf32 = self.rounds_products
        try:
            yield
        finally:
            matmul.allow_tf32, cudnn.allow_tf32 = before
