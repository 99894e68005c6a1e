"""Randomness comes from a key: the same words always give the same numbers, on any machine."""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy would make the front door heavy
    import numpy as np


def seed(*words: str | int) -> int:
    """Return a 63-bit seed that follows from the words alone."""
    text = "\x1f".join(str(word) for word in words)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def generator(*words: str | int) -> "np.random.Generator":
    """Return a numpy generator that follows from the words alone."""
    import numpy as np  # local: keeps the front door light

    return np.random.Generator(np.random.PCG64(seed(*words)))
