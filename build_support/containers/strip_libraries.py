"""Strip the shared libraries in a directory: keep only what is loaded into memory.

Wheels carry symbols and debugging sections for half of their libraries' size. Images that are built
without network have no binutils, so this does what sstrip does: it cuts a file after its last
loaded segment and forgets the table of sections, which no loader reads. Runs in the image's build.
"""

import struct
import sys
from pathlib import Path

# The ELF64 header and program headers, little-endian. Source: System V ABI, chapters 4 and 5.
_HEADER = struct.Struct("<16xHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian


def strip(library: bytes) -> bytes:
    """Return a shared library without its sections; other files are returned as they are."""
    if not library.startswith(_MAGIC):
        return library
    fields = list(_HEADER.unpack_from(library))
    offset, size, count = fields[4], fields[8], fields[9]
    end = offset + size * count
    for number in range(count):
        header = _PROGRAM_HEADER.unpack_from(library, offset + number * size)
        end = max(end, header[2] + header[5])  # where the segment is, and how long it is
    fields[5] = fields[11] = fields[12] = 0  # where sections are, how many, which has their names
    stripped = bytearray(library[:end])
    _HEADER.pack_into(stripped, 0, *fields)
    stripped[:16] = library[:16]
    return bytes(stripped)


if __name__ == "__main__":
    for path in Path(sys.argv[1]).rglob("*.so*"):
        path.write_bytes(strip(path.read_bytes()))
