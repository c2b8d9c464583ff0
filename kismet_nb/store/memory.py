"""Keep the memory of a sync small, however many rows it has.

Arrow's allocator keeps freed memory apart for each thread. So rows are compressed and read in one thread, and what is
free goes back to the system from time to time.
"""

from __future__ import annotations

import pyarrow as pa

__all__ = ["READ_OPTIONS", "WRITE_OPTIONS", "release_memory"]

READ_OPTIONS = pa.ipc.IpcReadOptions(use_threads=False)
WRITE_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


def release_memory() -> None:
    """Give the memory that Arrow has freed back to the system."""
    pa.default_memory_pool().release_unused()
