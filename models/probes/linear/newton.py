"""Many logistic regressions of equal shape, solved to convergence as one stacked program.

Truncated Newton in float64: conjugate gradients on the exact Hessian, preconditioned by the
Hessian of one averaged class. With two classes that average is exact and one step suffices.

Shapes: b problems, n samples, r features and a last column of ones, k score columns. One column
means two classes, the other class having score zero. A stacked matrix product calls BLAS once
per problem, and sums run over a problem's own contiguous memory, so no result depends on its
neighbours; a finished problem leaves the stack.
"""

from dataclasses import dataclass

import numpy as np

TOLERANCE = 1e-10  # of the gradient; sample weights sum to one, features are standardised
HALVINGS = 40
CG_STEPS = 250  # more would cost more than a fresh Newton step gains
FORCING = 0.3  # a Newton step is first solved loosely, then ever more exactly
ROUNDING = 1e-14  # a step that changes the objective by less is neither good nor bad


@dataclass(frozen=True)
class ProblemStack:
    """Problems of equal shape; each minimises weighted log-loss plus ridge times half a norm."""

    x: np.ndarray
    """(b, n, r + 1), the last column ones."""
    y: np.ndarray
    """(b, n, k) one-hot, or (b, n, 1) with the second class as one."""
    weights: np.ndarray
    """(b, n, 1), summing to one in each problem."""
    ridge: np.ndarray
    """(b, r + 1, 1), zero for the intercept."""

    def take(self, which: np.ndarray) -> "ProblemStack":
        """Return some of the problems."""
        return ProblemStack(self.x[which], self.y[which], self.weights[which], self.ridge[which])


@dataclass(frozen=True)
class Solution:
    """Where each problem of a stack ended."""

    theta: np.ndarray
    """(b, r + 1, k)."""
    iterations: np.ndarray
    """(b,) Newton iterations taken."""
    converged: np.ndarray
    """(b,) whether the gradient vanished."""


def minimise(stack: ProblemStack, *, max_iter: int) -> Solution:
    """Return the optimum of every problem; what does not converge in time is marked."""
    problems, _, width = stack.x.shape
    theta = np.zeros((problems, width, stack.y.shape[2]))
    iterations = np.zeros(problems, dtype=np.int64)
    converged = np.zeros(problems, dtype=bool)
    # `live` are the problems that still move, `rest` their data. A problem that is done leaves, so
    # it costs nothing more and its result cannot change.
    live, rest = np.arange(problems), stack
    for _ in range(max_iter + 1):
        here = theta[live]
        p, _ = _probabilities(rest.x @ here)
        slope = _gradient(rest, theta=here, p=p)
        flat = np.abs(slope).reshape(len(live), -1).max(axis=1) <= TOLERANCE
        converged[live[flat]] = True
        going = ~flat & (iterations[live] < max_iter)
        if not going.any():
            break
        if not going.all():
            live, rest = live[going], rest.take(going)
            here, p, slope = here[going], p[going], slope[going]
        step = _direction(rest, p=p, slope=slope)
        length = _length(rest, theta=here, step=step, slope=slope)
        theta[live] = here + length * step
        # Length zero: no step along this direction lowers the objective, so the problem stops.
        moved = length.reshape(-1) > 0
        iterations[live] += 1
        if not moved.all():
            live, rest = live[moved], rest.take(moved)
    return Solution(theta, iterations, converged)


def _probabilities(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the softmax of the scores and the log of its denominator."""
    single = z.shape[2] == 1
    # The largest score is subtracted, so exp cannot overflow. A single column stands against an
    # implicit score of zero, whose term in the sum is exp(0 - top).
    top = np.maximum(z, 0.0) if single else z.max(axis=2, keepdims=True)
    e = np.exp(z - top)
    total = e + np.exp(-top) if single else e.sum(axis=2, keepdims=True)
    return e / total, top + np.log(total)


def _objective(stack: ProblemStack, *, z: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Return each problem's objective, (b, 1, 1), at parameters whose scores are `z`."""
    _, log_total = _probabilities(z)
    losses = stack.weights * (log_total - (stack.y * z).sum(axis=2, keepdims=True))
    return _inner(losses, np.ones_like(losses)) + 0.5 * _inner(stack.ridge * theta, theta)


def _gradient(stack: ProblemStack, *, theta: np.ndarray, p: np.ndarray) -> np.ndarray:
    fall = stack.x.swapaxes(1, 2) @ (stack.weights * (p - stack.y))
    return np.asarray(fall + stack.ridge * theta)


def _curved(stack: ProblemStack, *, p: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the Hessian times `v`."""
    # Per sample the Hessian in the scores is diag(p) - p p^T; it is applied and never stored.
    z = p * (stack.x @ v)
    z -= p * z.sum(axis=2, keepdims=True)
    bent = stack.x.swapaxes(1, 2) @ (stack.weights * z)
    return np.asarray(bent + stack.ridge * v)


def _one_class(stack: ProblemStack, *, p: np.ndarray) -> np.ndarray:
    """Return the Hessian of one class of average curvature, (b, r + 1, r + 1)."""
    curvature = (p * (1.0 - p)).sum(axis=2, keepdims=True) / p.shape[2]
    # X^T D X as A^T A with A = sqrt(D) X. The floor keeps it from becoming singular where all
    # samples are predicted with certainty.
    rooted = stack.x * np.sqrt(stack.weights * np.maximum(curvature, 1e-12))
    average: np.ndarray = rooted.swapaxes(1, 2) @ rooted
    diagonal = np.arange(average.shape[1])
    average[:, diagonal, diagonal] += stack.ridge[:, :, 0]
    return average


def _direction(stack: ProblemStack, *, p: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return the Newton step, each problem's as exactly as it needs."""
    hessian = _one_class(stack, p=p)
    if p.shape[2] == 1:
        # One score column: this is the exact Hessian, so the Newton step is one linear solve.
        return np.linalg.solve(hessian, -slope)
    # Otherwise preconditioned conjugate gradients; the preconditioner is the same for all classes.
    inverse = np.linalg.inv(hessian)
    step, residual = np.zeros_like(slope), -slope
    towards = inverse @ residual
    energy = _inner(residual, towards)
    start = _inner(slope, slope)
    # Stop at |residual| <= min(FORCING, |slope|^(1/2)) * |slope|: loose far from the optimum, and
    # tight enough near it for superlinear convergence.
    enough = start * np.minimum(FORCING**2, np.sqrt(start))
    for _ in range(CG_STEPS):
        open_ = _inner(residual, residual) > enough
        if not open_.any():
            break
        curved = _curved(stack, p=p, v=towards)
        # A solved problem stays in the stack with pace and turn zero: its step no longer changes.
        pace = np.divide(energy, _inner(towards, curved), out=np.zeros_like(energy), where=open_)
        step += pace * towards
        residual -= pace * curved
        solved = inverse @ residual
        fresh = _inner(residual, solved)
        turn = np.divide(fresh, energy, out=np.zeros_like(energy), where=open_)
        towards *= turn
        towards += solved
        energy = fresh
    return step


def _length(
    stack: ProblemStack, *, theta: np.ndarray, step: np.ndarray, slope: np.ndarray
) -> np.ndarray:
    """Return the length of each step, (b, 1, 1): halved until the objective falls enough."""
    z, dz = stack.x @ theta, stack.x @ step
    now = _objective(stack, z=z, theta=theta)
    # Armijo's rule: the objective falls by at least a small share of what the slope promises. Near
    # the optimum the fall is lost in rounding, hence the slack.
    wanted = 1e-4 * _inner(slope, step)
    slack = ROUNDING * np.maximum(1.0, np.abs(now))
    length = np.ones_like(now)
    for _ in range(HALVINGS):
        there = _objective(stack, z=z + length * dz, theta=theta + length * step)
        # Written as "not <=", so that a NaN counts as poor.
        poor = ~(there <= now + length * wanted + slack)
        if not poor.any():
            return length
        length = np.where(poor, 0.5 * length, length)
    return np.where(poor, 0.0, length)


def _inner(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return each problem's inner product, (b, 1, 1)."""
    sums: np.ndarray = (a * b).reshape(len(a), -1).sum(axis=1)
    return sums.reshape(-1, 1, 1)
