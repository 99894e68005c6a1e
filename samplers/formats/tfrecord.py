"""TFRecord files of `tf.train.Example`, read without TensorFlow.

A record is its length, a checksum of that, the bytes, and a checksum of those. An Example is a
protocol buffer: a map from names to lists of bytes, floats or whole numbers.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

Value = list[bytes] | np.ndarray
HEAD, TAIL = 12, 4
VARINT, WIDE, BYTES, NARROW = 0, 1, 2, 5
"""The wire types of protocol buffers."""


class BrokenError(Exception):
    """A file or a record is cut short, or is no TFRecord of Examples."""


def records(path: Path) -> Iterator[bytes]:
    """Yield the records of a file.

    Raises:
        BrokenError: If the file ends within a record or a length is not what its checksum says.
    """
    left = path.stat().st_size
    with path.open("rb") as file:
        number = 0
        while head := file.read(HEAD):
            number += 1
            if len(head) < HEAD:
                raise BrokenError(f"the file ends within record {number}")
            length, checksum = struct.unpack("<QI", head)
            if _masked_crc(head[:8]) != checksum:
                raise BrokenError(f"record {number} has a length that does not fit its checksum")
            left -= HEAD + length + TAIL
            if left < 0:
                raise BrokenError(f"the file ends within record {number}")
            yield file.read(length)
            file.read(TAIL)


def example(record: bytes) -> dict[str, Value]:
    """Return the features of an Example by name.

    Raises:
        BrokenError: If the record is none.
    """
    try:
        whole = [_entry(one) for features in _every(record, 1) for one in _every(features, 1)]
        return dict(whole)
    except (IndexError, struct.error, ValueError, UnicodeDecodeError) as error:
        raise BrokenError(f"a record that is no Example ({type(error).__name__})") from None


def _every(message: bytes, number: int) -> Iterator[bytes]:
    """Yield the parts of a message that stand under a field number."""
    for field, kind, value in _fields(message):
        if field == number and kind == BYTES:
            assert isinstance(value, bytes)
            yield value


def _entry(entry: bytes) -> tuple[str, Value]:
    """Return a name and the list of values it stands for."""
    (name,) = _every(entry, 1)
    (feature,) = _every(entry, 2)
    for field, _, value in _fields(feature):
        assert isinstance(value, bytes)
        match field:
            case 1:
                return name.decode(), list(_every(value, 1))
            case 2:
                return name.decode(), _floats(value)
            case 3:
                return name.decode(), _integers(value)
    return name.decode(), []


def _floats(message: bytes) -> np.ndarray:
    # Writers may pack floats into one field or repeat the field: joined, both are the same bytes.
    packed = b"".join(
        value
        for _, kind, value in _fields(message)
        if kind in (BYTES, NARROW) and isinstance(value, bytes)
    )
    return np.frombuffer(packed, dtype="<f4")


def _integers(message: bytes) -> np.ndarray:
    values: list[int] = []
    for _, _, value in _fields(message):
        if isinstance(value, int):
            values.append(value)
            continue
        at = 0
        while at < len(value):
            one, at = _varint(value, at)
            values.append(one)
    return np.array(values, dtype=np.uint64).astype(np.int64)


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes | int]]:
    """Yield number, wire type and value of each field of a message."""
    at = 0
    while at < len(message):
        # A key holds the number of the field, and in its lowest three bits the wire type: it says
        # how long the value is.
        key, at = _varint(message, at)
        kind = key & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield key >> 3, kind, value
            continue
        size = {WIDE: 8, NARROW: 4}.get(kind)
        if size is None and kind == BYTES:
            size, at = _varint(message, at)
        if size is None or at + size > len(message):
            raise ValueError("a field that is cut short")
        yield key >> 3, kind, message[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    # Whole numbers come in groups of seven bits, the lowest first; the top bit of a byte says that
    # another byte follows.
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if not byte & 0x80:
            return value, at
        shift += 7


def _table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


_CRC = _table()


def _masked_crc(data: bytes) -> int:
    """Return CRC-32C, turned and shifted as TFRecord has it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
