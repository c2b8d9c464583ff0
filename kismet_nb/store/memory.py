"""Limit the memory of a sync, whatever the number of rows.

Arrow's allocator keeps freed memory separately for each thread. So a store compresses and reads rows in one thread, and
returns freed memory to the system at intervals.
"""

from __future__ import annotations

import pyarrow as pa

__all__ = ["READ_OPTIONS", "WRITE_OPTIONS", "release_memory"]

READ_OPTIONS = pa.ipc.IpcReadOptions(use_threads=False)
WRITE_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


def release_memory() -> None:
    """Return Arrow's unused memory to the system."""
    pa.default_memory_pool().release_unused()
