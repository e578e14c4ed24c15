"""Writes DLLs that hold no code: each name that they export is another DLL's."""

import struct
from collections.abc import Mapping

_HEADERS, _FILE_STEP, _MEMORY_STEP, _EXPORTS_AT = 512, 512, 4096, 4096
"""Sizes in bytes, and where in memory the only section begins: the table of what the DLL exports."""


def exported_names(dll: bytes) -> list[str]:
    """Return the names that a DLL for x86-64 exports."""
    (header,) = struct.unpack_from("<I", dll, 0x3C)
    (sections,) = struct.unpack_from("<H", dll, header + 6)
    (optional,) = struct.unpack_from("<H", dll, header + 20)
    places = [struct.unpack_from("<4I", dll, header + 24 + optional + 40 * n + 8) for n in range(sections)]

    def at(address: int) -> int:
        return next(
            address - begin + in_file
            for size, begin, size_in_file, in_file in places
            if begin <= address < begin + max(size, size_in_file)
        )

    table = at(*struct.unpack_from("<I", dll, header + 24 + 112))
    count, _, names = struct.unpack_from("<3I", dll, table + 24)
    begins = [at(address) for address in struct.unpack_from(f"<{count}I", dll, at(names))]
    return [dll[begin : dll.index(b"\0", begin)].decode("ascii") for begin in begins]


def forwarding_dll(name: str, targets: Mapping[str, str]) -> bytes:
    """Return a DLL of that name for x86-64. `targets` has for each name that it exports `DLL.NAME` in another one."""
    table = _export_table(name, dict(sorted(targets.items(), key=lambda pair: pair[0].encode())))
    in_file, in_memory = _up(len(table), _FILE_STEP), _up(len(table), _MEMORY_STEP)
    x86_64, is_a_dll = 0x8664, 0x2022
    optional_size, directories = 240, 16
    coff = struct.pack("<HHIIIHH", x86_64, 1, 0, 0, 0, optional_size, is_a_dll)
    sizes = struct.pack("<HBBIIIII", 0x20B, 14, 0, 0, in_file, 0, 0, _EXPORTS_AT)
    image = struct.pack("<QII", 0x1_8000_0000, _MEMORY_STEP, _FILE_STEP)
    system = struct.pack("<HHHHHHI", 6, 0, 0, 0, 6, 0, 0)
    extent = struct.pack("<IIIHH", _EXPORTS_AT + in_memory, _HEADERS, 0, 3, 0x100)  # 3: a program of the console
    memory = struct.pack("<QQQQII", 0x10_0000, 0x1000, 0x10_0000, 0x1000, 0, directories)
    exports = struct.pack("<II", _EXPORTS_AT, len(table)) + bytes(8 * (directories - 1))
    section = struct.pack("<8sIIIIIIHHI", b".edata", len(table), _EXPORTS_AT, in_file, _HEADERS, 0, 0, 0, 0, 0x40000040)
    begin = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40) + b"PE\0\0"
    headers = begin + coff + sizes + image + system + extent + memory + exports + section
    return headers.ljust(_HEADERS, b"\0") + table.ljust(in_file, b"\0")


def _export_table(name: str, targets: Mapping[str, str]) -> bytes:
    count = len(targets)
    addresses = _EXPORTS_AT + 40
    names, ordinals = addresses + 4 * count, addresses + 8 * count
    texts, places = bytearray(), []
    for text in (name, *targets, *targets.values()):
        places.append(ordinals + 2 * count + len(texts))
        texts += text.encode("ascii") + b"\0"
    head = struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, places[0], 1, count, count, addresses, names, ordinals)
    names_at, targets_at = places[1 : count + 1], places[count + 1 :]
    return head + struct.pack(f"<{2 * count}I{count}H", *targets_at, *names_at, *range(count)) + bytes(texts)


def _up(size: int, step: int) -> int:
    return -(-size // step) * step
