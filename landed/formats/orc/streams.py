"""The bytes of a stream: a part of the file, read and unpacked chunk by chunk, within limits of the whole file."""

import sys
from dataclasses import dataclass
from typing import BinaryIO

from landed.formats.codecs import Unpack
from landed.formats.orc.messages import Damaged, Ended
from landed.formats.orc.packing import HEADER_BYTES
from landed.reading.bounds import grows_too_much, most_unpacked_bytes
from landed.reading.faults import Unreadable

_PART_BYTES = 256 * 1024
_HELD_BYTES = 256 * 1024 * 1024
"""The bytes of all columns that are in memory at the same time. Writers end a stripe after 64 MB to 256 MB."""


@dataclass(slots=True)
class Account:
    """Counts the bytes of a file that were unpacked, and those that are held in memory. Both have limits."""

    size_bytes: int
    unpacked: int = 0
    held: int = 0

    def add(self, bytes_: int) -> None:
        """Count bytes. Raise Unreadable."""
        self.unpacked += bytes_
        if self.unpacked > most_unpacked_bytes(self.size_bytes):
            most = most_unpacked_bytes(self.size_bytes)
            raise Unreadable(grows_too_much(self.size_bytes, f"more than {most:,} bytes"))

    def hold(self, bytes_: int) -> None:
        """Count bytes that are held, and negative ones that are no more. Raise Unreadable."""
        self.held += bytes_
        if self.held > _HELD_BYTES:
            raise Unreadable(
                f"a stripe needs more than {_HELD_BYTES:,} bytes in memory at the same time; let the writer use "
                "smaller stripes, or smaller chunks"
            )


class Source:
    """The bytes of a stream. `data` are those at hand, and `place` is the first of them that was not taken."""

    def __init__(
        self, file: BinaryIO, start: int, length: int, unpack: Unpack | None, most: int, account: Account
    ) -> None:
        self.data, self.place = b"", 0
        self._file, self._next, self._end = file, start, start + length
        self._unpack, self._most, self._account = unpack, most, account

    def at_hand(self, wanted: int) -> bytes:
        """Return the bytes at hand, with the wanted number of them from `place` on if the stream has so many."""
        if len(self.data) - self.place < wanted and self._next < self._end:
            parts = [self.data[self.place :]]
            found = len(parts[0])
            while found < wanted and self._next < self._end:
                parts.append(self._part())
                found += len(parts[-1])
                self._account.hold(len(parts[-1]))
            self._account.hold(-self.place)
            self.data, self.place = b"".join(parts), 0
        return self.data

    def take(self, size: int) -> bytes:
        """Return the next bytes. Raise Ended if there are fewer."""
        place, end = self.place, self.place + size
        if end > len(self.data):
            self.at_hand(size)
            place, end = self.place, self.place + size
            if end > len(self.data):
                raise Ended
        self.place = end
        return self.data[place:end]

    def take_all(self) -> bytes:
        """Return all bytes of the stream, which stay counted as held."""
        data, place = self.at_hand(sys.maxsize), self.place
        self.place = len(data)
        return data[place:]

    @property
    def is_at_end(self) -> bool:
        return len(self.at_hand(1)) == self.place

    def _part(self) -> bytes:
        part = self._chunk() if self._unpack else self._read(min(_PART_BYTES, self._end - self._next))
        self._account.add(len(part))
        return part

    def _chunk(self) -> bytes:
        assert self._unpack is not None
        head = int.from_bytes(self._read(HEADER_BYTES), "little")
        length, is_original = head >> 1, head & 1
        if length > self._most and not is_original:
            # A packed chunk is shorter than its data, and the data no longer than the file allows.
            raise Damaged(f"a chunk has {length:,} bytes, and the file allows {self._most:,}")
        packed = self._read(length)
        if not is_original:
            return self._unpack(packed, self._most)
        if length > self._most:
            raise Damaged(f"a chunk has {length:,} bytes, and the file allows {self._most:,}")
        return packed

    def _read(self, size: int) -> bytes:
        if size > self._end - self._next:
            raise Ended
        self._file.seek(self._next)
        found = self._file.read(size)
        if len(found) < size:
            raise Ended
        self._next += size
        return found
