"""How fast a training could go: what a sample costs in products, and what the machine can do.

The share of it that is used (MFU) is products per second of the training over those of the
machine's peak. The peak is an accelerator's published one where it is known here, and else what
a product of two large matrices reaches, measured for a moment.
"""

import resource
import sys
import time
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from terrasweep.infra.seeds import seed
from terrasweep.models.contract import Batch, Network

PEAKS: Final[dict[str, tuple[float, float, float]]] = {
    "H200": (67e12, 494e12, 989e12),
    "H100 PCIe": (51e12, 378e12, 756e12),
    "H100": (67e12, 494e12, 989e12),
    "A100": (19.5e12, 156e12, 312e12),
    "L40S": (91.6e12, 183e12, 362e12),
    "L4": (30.3e12, 60e12, 121e12),
    "A10": (31.2e12, 62.5e12, 125e12),
    "V100": (15.7e12, 15.7e12, 125e12),
    "T4": (8.1e12, 8.1e12, 65e12),
}
"""Published dense products per second, in float32, tf32 and 16 bits; the first name that fits."""
COLUMN: Final = {"float32": 0, "tf32": 1, "bfloat16": 2, "float16": 2}
NUMBER: Final = {"bfloat16": torch.bfloat16, "float16": torch.float16}
SIDE: Final = 1024
TRIALS: Final = 20
FEW: Final = 8
"""Samples that are counted: their cost hardly depends on which."""

PeakFrom = Literal["table", "measured"]


@dataclass(frozen=True)
class Yardstick:
    """What the speed of a training is held against."""

    flops_per_sample: float
    """Products and sums of a sample's pass forward and back."""
    peak_flops: float
    """What one worker's device can do in a second."""
    peak_from: PeakFrom
    """Whether that is the published peak or one that was measured."""

    def share(self, samples_per_s: float, *, workers: int = 1) -> float:
        """Return which share of the peak a speed is (MFU)."""
        return samples_per_s * self.flops_per_sample / (self.peak_flops * workers)


def yardstick(network: Network, batch: Batch, *, precision: str) -> Yardstick:
    """Hold a network, on its device, against the machine; it is left as it was found."""
    device = next(network.parameters()).device
    peak, source = peak_flops(device, precision=precision)
    return Yardstick(flops_per_sample(network, batch), peak, source)


def flops_per_sample(network: Network, batch: Batch) -> float:
    """Count the products and sums that a sample costs, forward and back."""
    device = next(network.parameters()).device
    few = {name: values[:FEW].to(device) for name, values in batch.items()}
    before = [buffer.clone() for buffer in network.buffers()]
    drawn = torch.Generator(device).manual_seed(seed("flops"))
    # Attention written out in products is counted everywhere; fused kernels are not.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        network.loss(few, generator=drawn).backward()  # type: ignore[no-untyped-call]
    network.zero_grad(set_to_none=True)
    with torch.no_grad():
        for buffer, value in zip(network.buffers(), before, strict=True):
            buffer.copy_(value)
    return float(counter.get_total_flops() / len(next(iter(few.values()))))


def peak_flops(device: torch.device, *, precision: str) -> tuple[float, PeakFrom]:
    """Return the products per second that a device can do, and how that is known."""
    if device.type == "cuda":
        called = torch.cuda.get_device_name(device)
        for name, peaks in PEAKS.items():
            if all(word in called for word in name.split()):
                return peaks[COLUMN[precision]], "table"
    return _measured(device, precision=precision), "measured"


def peak_mb(device: torch.device) -> float:
    """Return the most memory so far: the accelerator's, or the whole process's on a CPU."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device) / 2**20)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def _measured(device: torch.device, *, precision: str) -> float:
    """Return what the fastest of a few products of large matrices reaches."""
    number = NUMBER.get(precision, torch.float32)
    square = torch.ones(SIDE, SIDE, dtype=number, device=device)
    took = []
    for _ in range(TRIALS):
        started = _clock(device)
        product = square @ square
        product[0, 0].item()  # an accelerator answers once it is done
        took.append(_clock(device) - started)
    return 2 * SIDE**3 / min(took)


def _clock(device: torch.device) -> float:
    """Return a time in seconds; on a CPU its own, for other work takes nothing from the peak."""
    if device.type == "cpu":
        return time.process_time() / torch.get_num_threads()
    return time.perf_counter()
