"""Many small networks of equal shape, trained side by side by Adam, in float32.

The steps are those of scikit-learn's MLPClassifier and MLPRegressor: Glorot's uniform weights,
batches shuffled anew in every epoch, the penalty per batch, the end by tolerance and patience.
Stacked products call BLAS once per network and all else is elementwise, so no network depends on
its neighbours; one that has ended leaves the stack.

Shapes: b networks, n samples, d features, h hidden units, k outputs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from terrasweep.infra.seeds import generator
from terrasweep.models.probes.mlp.spec import MlpSpec
from terrasweep.models.probing.targets import Output, activated

BETA_1, BETA_2, EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-8)


@dataclass
class Layers:
    """The weights of all networks, flat as Adam sees them and in layers as the product does."""

    flat: np.ndarray
    shapes: tuple[tuple[int, int], ...]

    @property
    def views(self) -> list[np.ndarray]:
        """Weights and offsets of both layers, each (b, rows, columns)."""
        ends = np.cumsum([rows * columns for rows, columns in self.shapes])
        parts = np.split(self.flat, ends[:-1], axis=1)
        return [
            part.reshape(len(self.flat), *shape)
            for part, shape in zip(parts, self.shapes, strict=True)
        ]


@dataclass(frozen=True)
class Trained:
    """Where each network ended."""

    layers: Layers
    converged: np.ndarray


def train(
    x: np.ndarray, y: np.ndarray, *, output: Output, seeds: Sequence[int], spec: MlpSpec
) -> Trained:
    """Return the networks that fit x (b, n, d) to y (b, n, k), each drawn from its own seed."""
    rngs = [generator("mlp", one) for one in seeds]
    start = _initial(x.shape[2], y.shape[2], spec=spec, rngs=rngs)
    ended, converged = start.flat.copy(), np.zeros(len(x), bool)
    live = np.arange(len(x))
    adam, watch = _Adam(Layers(start.flat, start.shapes), spec=spec), _Watch(len(x), spec=spec)
    for _ in range(spec.epochs):
        batches = _batches(x, y, [rngs[at] for at in live], size=spec.batch_size)
        losses = np.zeros(len(live))
        for part_x, part_y in batches:
            losses += adam.step(part_x, part_y, output=output) * part_x.shape[1]
        done = watch.tell(losses / x.shape[1])
        if done.any():
            ended[live[done]], converged[live[done]] = adam.layers.flat[done], True
            if done.all():
                return Trained(Layers(ended, start.shapes), converged)
            live, x, y = live[~done], x[~done], y[~done]
            adam.keep(~done)
            watch.keep(~done)
    ended[live] = adam.layers.flat
    return Trained(Layers(ended, start.shapes), converged)


def forward(x: np.ndarray, layers: Layers) -> np.ndarray:
    """Return the raw outputs of all networks, (b, n, k)."""
    into, into_offset, out, out_offset = layers.views
    return np.asarray(np.maximum(x @ into + into_offset, 0) @ out + out_offset)


def _initial(
    features: int, outputs: int, *, spec: MlpSpec, rngs: Sequence[np.random.Generator]
) -> Layers:
    shapes = ((features, spec.hidden), (1, spec.hidden), (spec.hidden, outputs), (1, outputs))
    bounds = [(6.0 / (features + spec.hidden)) ** 0.5, (6.0 / (spec.hidden + outputs)) ** 0.5]
    wide = np.repeat(np.repeat(bounds, 2), [rows * columns for rows, columns in shapes])
    flat = np.stack([rng.uniform(-wide, wide) for rng in rngs]).astype(np.float32)
    return Layers(flat, shapes)


def _batches(
    x: np.ndarray, y: np.ndarray, rngs: Sequence[np.random.Generator], *, size: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the batches of one epoch; a draw that fits one batch need not be shuffled."""
    samples = x.shape[1]
    if samples <= size:
        yield x, y
        return
    order = np.stack([rng.permutation(samples) for rng in rngs])
    each = np.arange(len(x))[:, None]
    for at in range(0, samples, size):
        part = order[:, at : at + size]
        yield x[each, part], y[each, part]


class _Adam:
    """The networks on their way, with Adam's memory."""

    def __init__(self, layers: Layers, *, spec: MlpSpec) -> None:
        self.layers, self.spec, self.steps = layers, spec, 0
        self.mean, self.square = np.zeros_like(layers.flat), np.zeros_like(layers.flat)

    def keep(self, which: np.ndarray) -> None:
        """Go on with some of the networks."""
        self.layers = Layers(self.layers.flat[which], self.layers.shapes)
        self.mean, self.square = self.mean[which], self.square[which]

    def step(self, x: np.ndarray, y: np.ndarray, *, output: Output) -> np.ndarray:
        """Take one step and return the loss before it, (b,)."""
        slope, loss = _slope(x, y, self.layers, output=output, alpha=self.spec.alpha)
        self.steps += 1
        self.mean *= BETA_1
        self.mean += slope * (1 - BETA_1)
        self.square *= BETA_2
        np.multiply(slope, slope, out=slope)
        slope *= 1 - BETA_2
        self.square += slope
        pace = self.spec.lr * (1 - 0.999**self.steps) ** 0.5 / (1 - 0.9**self.steps)
        np.sqrt(self.square, out=slope)
        slope += EPSILON
        np.divide(self.mean, slope, out=slope)
        slope *= np.float32(pace)
        self.layers.flat -= slope
        return loss


class _Watch:
    """Which networks have stopped learning."""

    def __init__(self, number: int, *, spec: MlpSpec) -> None:
        self.best, self.idle, self.spec = np.full(number, np.inf), np.zeros(number, int), spec

    def tell(self, losses: np.ndarray) -> np.ndarray:
        """Hear an epoch's losses and say which networks are done."""
        better = losses <= self.best - self.spec.tolerance
        self.idle = np.where(better, 0, self.idle + 1)
        self.best = np.minimum(self.best, losses)
        return np.asarray(self.idle > self.spec.patience)

    def keep(self, which: np.ndarray) -> None:
        """Go on with some of the networks."""
        self.best, self.idle = self.best[which], self.idle[which]


def _slope(
    x: np.ndarray, y: np.ndarray, layers: Layers, *, output: Output, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient, flat, and the loss of each network on its batch."""
    samples = np.float32(x.shape[1])
    into, into_offset, out, out_offset = layers.views
    hidden = x @ into
    hidden += into_offset
    np.maximum(hidden, 0, out=hidden)
    outputs = activated(hidden @ out + out_offset, output=output)
    loss = _loss(outputs, y, output=output)
    loss += 0.5 * alpha * ((into**2).sum(axis=(1, 2)) + (out**2).sum(axis=(1, 2))) / samples
    slope = Layers(np.empty_like(layers.flat), layers.shapes)
    g_into, g_into_offset, g_out, g_out_offset = slope.views
    off = (outputs - y) / samples
    np.matmul(hidden.swapaxes(1, 2), off, out=g_out)
    g_out_offset[:] = off.sum(axis=1, keepdims=True)
    back = off @ out.swapaxes(1, 2)
    back *= hidden > 0
    np.matmul(x.swapaxes(1, 2), back, out=g_into)
    g_into_offset[:] = back.sum(axis=1, keepdims=True)
    penalty = np.float32(alpha) / samples
    g_into += penalty * into
    g_out += penalty * out
    return slope.flat, loss


def _loss(outputs: np.ndarray, y: np.ndarray, *, output: Output) -> np.ndarray:
    """Return the mean loss of each network's batch, float64."""
    if output == "identity":
        losses = 0.5 * (outputs - y) ** 2
        return np.asarray(losses.mean(axis=(1, 2)), np.float64)
    tiny = np.finfo(np.float32).eps
    losses = -y * np.log(np.maximum(outputs, tiny))
    if output == "sigmoid":
        losses = losses - (1 - y) * np.log(np.maximum(1 - outputs, tiny))
    return np.asarray(losses.sum(axis=2).mean(axis=1), np.float64)
