"""Named arrays as an Arrow table and back: how samples with pixels lie on disk.

A sample's arrays are fixed-size lists; the shape of one sample stands in the field's metadata,
so a reader needs no side file and a column of the wrong shape cannot be written.
"""

import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

Arrays = Mapping[str, np.ndarray]


def to_table(columns: Arrays) -> pa.Table:
    """Return a table with one row per sample; arrays beyond one axis keep their shape."""
    pairs = {name: _to_column(name, array) for name, array in columns.items()}
    schema = pa.schema([field for field, _ in pairs.values()])
    return pa.Table.from_arrays([column for _, column in pairs.values()], schema=schema)


def to_arrays(table: pa.Table) -> dict[str, np.ndarray]:
    """Return the columns as numpy arrays, each with the sample axis first."""
    return {field.name: _to_array(field, table.column(field.name)) for field in table.schema}


def _to_column(name: str, array: np.ndarray) -> tuple[pa.Field, pa.Array]:
    if array.ndim == 1:
        column = pa.array(array)
        return pa.field(name, column.type), column
    shape = array.shape[1:]
    flat = pa.array(np.ascontiguousarray(array).reshape(-1))
    column = pa.FixedSizeListArray.from_arrays(flat, int(np.prod(shape)))
    return pa.field(name, column.type, metadata={"shape": json.dumps(shape)}), column


def _to_array(field: pa.Field, column: pa.ChunkedArray) -> np.ndarray:
    if not pa.types.is_fixed_size_list(field.type):
        return np.asarray(column.to_numpy())
    shape = json.loads((field.metadata or {}).get(b"shape", b"[-1]"))
    joined = column.combine_chunks()
    flat = joined.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat).reshape(len(column), *shape)
