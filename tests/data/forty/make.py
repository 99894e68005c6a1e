"""ForTy v1: TFRecords of tf.train.Example, written by hand as the two formats are specified."""

import struct
from pathlib import Path

import numpy as np

from terrasweep.infra.seeds import generator

SHAPE = (4, 128, 128, 10)
NUM = {"train": 5, "validation": 1, "test": 3}


def make(folder: Path) -> dict[str, object]:
    for split, number in NUM.items():
        whole = b"".join(record(example(split, at)) for at in range(number))
        (folder / f"forty_v1-{split}.tfrecord-00000-of-01024").write_bytes(whole)
    return {"path": str(folder)}


def example(split: str, at: int) -> bytes:
    """Return one Example; its label is class `at % 8`, with some pixels unknown."""
    rng = generator("forty", split, at)
    codes = np.full((128, 128), at % 8 + 1, np.uint8)
    codes[:30] = 0
    features = {
        "id": _integers([1000 * len(split) + at]),
        "lat": _floats(np.array([rng.uniform(-30, 60)])),
        "lon": _floats(np.array([rng.uniform(10, 40)])),
        "s2": _floats(np.arange(10) * 100.0 + np.zeros(SHAPE) + np.arange(4)[:, None, None, None]),
        "segmentation_labels": _bytes(codes.tobytes()),
    }
    entries = [
        _field(1, _field(1, name.encode()) + _field(2, own)) for name, own in features.items()
    ]
    return _field(1, b"".join(entries))


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked(length)) + data + struct.pack("<I", masked(b""))


def masked(data: bytes) -> int:
    """Return the checksum of TFRecord, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 & -(crc & 1))
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _bytes(data: bytes) -> bytes:
    return _field(1, _field(1, data))


def _floats(values: np.ndarray) -> bytes:
    return _field(2, _field(1, values.astype("<f4").tobytes()))


def _integers(values: list[int]) -> bytes:
    return _field(3, _field(1, b"".join(_varint(value) for value in values)))
