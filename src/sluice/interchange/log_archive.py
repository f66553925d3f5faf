"""Members of a zip archive that others made, in memory and within bounds; nothing is ever unpacked to a disk."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

from sluice.errors import CannotJudge

MOST_BYTES = 1_000_000_000
"""Of a file, and of everything that comes out of one."""
MOST_MEMBER_BYTES = 100_000_000
ZSTANDARD = 93
_SIGNATURE = b"PK\x03\x04"
_LOCAL_HEADER = 30


def is_archive(data: bytes) -> bool:
    """Tell whether bytes begin as a zip archive does."""
    return data.startswith(_SIGNATURE)


class Archive:
    """A zip archive; each read counts against what may come out of it in all."""

    def __init__(self, path: Path, data: bytes) -> None:
        self._path = path
        self._data = data
        self._left = MOST_BYTES
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise CannotJudge(f"{path} is no whole archive: {error}") from None
        self.names = [info.filename for info in self._zip.infolist()]
        if len(set(self.names)) != len(self.names):
            raise CannotJudge(f"{path} holds two members of one name")

    def member(self, name: str) -> bytes:
        """Return a member's bytes; raise CannotJudge where it is missing, damaged, locked or too large."""
        if name not in self._zip.NameToInfo:
            raise CannotJudge(f"{self._path} has no {name}; is it a log of inspect?")
        info = self._zip.NameToInfo[name]
        limit = min(MOST_MEMBER_BYTES, self._left)
        try:
            with self._opened(info) as stream:
                data = stream.read(limit + 1)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError, NotImplementedError) as error:
            raise CannotJudge(f"{self._path}: {name} cannot be read: {error}") from None
        if len(data) > limit:
            raise CannotJudge(f"{self._path}: {name} unpacks to more than {limit:,} bytes; such a log is not read")
        if zlib.crc32(data) != info.CRC:
            raise CannotJudge(f"{self._path}: {name} is damaged")
        self._left -= len(data)
        return data

    def _opened(self, info: zipfile.ZipInfo) -> IO[bytes]:
        if info.compress_type != ZSTANDARD:
            return self._zip.open(info)
        decompressor = _zstandard(self._path)
        opened: IO[bytes] = decompressor.ZstdDecompressor().stream_reader(io.BytesIO(self._compressed(info)))
        return opened

    def _compressed(self, info: zipfile.ZipInfo) -> bytes:
        """Return the member as it is stored: after its own header, whose two last fields say how long its names are."""
        start = info.header_offset
        header = self._data[start : start + _LOCAL_HEADER]
        if len(header) < _LOCAL_HEADER or not is_archive(header):
            raise zipfile.BadZipFile("its header is damaged")
        start += _LOCAL_HEADER + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        return self._data[start : start + info.compress_size]


def _zstandard(path: Path) -> Any:
    try:
        import zstandard
    except ImportError:
        raise CannotJudge(
            f"{path} is compressed by Zstandard: pip install '.[inspect]' in this clone, or convert it with "
            "`inspect log convert --to json`"
        ) from None
    return zstandard
