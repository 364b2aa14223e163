"""EXIF metadata with an orientation in every form that is written, and in some that should not be."""
import struct

BYTE, ASCII, SHORT, LONG, RATIONAL, SBYTE, UNDEFINED, SSHORT, SLONG, SRATIONAL, FLOAT, DOUBLE, IFD = range(1, 14)
LONG8 = 16
FORMATS = {SHORT: "H", LONG: "I", SBYTE: "b", SSHORT: "h", SLONG: "i", FLOAT: "f", DOUBLE: "d", IFD: "I", LONG8: "Q"}
ORIENTATION = 0x0112


def encoded(order, kind, count, value):
    """`count` times the value, as the type has it."""
    if isinstance(value, bytes):
        return value
    if kind in (BYTE, UNDEFINED):
        return bytes([value]) * count
    if kind == ASCII:
        return str(value).encode() + b"\0" * (count - 1)
    if kind in (RATIONAL, SRATIONAL):
        above, below = value if isinstance(value, tuple) else (value, 1)
        return struct.pack(order + ("II" if kind == RATIONAL else "ii"), above, below) * count
    return struct.pack(order + FORMATS.get(kind, "H"), value) * count


def tiff(endian, entries, head=None, count=None, next_directory=True):
    """A header and a directory of (tag, type, count, value)."""
    order = ">" if endian == "MM" else "<"
    start = endian.encode() + struct.pack(order + "HI", 42, 8) if head is None else head
    behind = 8 + 2 + 12 * len(entries) + 4
    directory, values = b"", b""
    for tag, kind, number, value in entries:
        data = encoded(order, kind, number, value)
        place = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack(order + "I", behind + len(values))
        values += data if len(data) > 4 else b""
        directory += struct.pack(order + "HHI", tag, kind, number) + place
    size = struct.pack(order + "H", len(entries) if count is None else count)
    return start + size + directory + (bytes(4) + values if next_directory else b"")


def forms():
    """(name, metadata)."""
    for endian in ("II", "MM"):
        for kind in list(range(0, 18)):
            for value in (6, 1, 0, 9):
                if kind in (RATIONAL, SRATIONAL) or kind in FORMATS or kind in (BYTE, ASCII, UNDEFINED):
                    yield f"{endian} type {kind} value {value}", tiff(endian, [(ORIENTATION, kind, 1, value)])
                elif value == 6:
                    yield f"{endian} type {kind} value {value}", tiff(endian, [(ORIENTATION, kind, 1, b"\6\0\6\0")])
        for value in range(2, 9):
            yield f"{endian} plain {value}", tiff(endian, [(ORIENTATION, SHORT, 1, value)])
        for kind in (SHORT, LONG, SBYTE, SSHORT, RATIONAL, DOUBLE):
            yield f"{endian} type {kind} two of them, value 6", tiff(endian, [(ORIENTATION, kind, 2, 6)])
            yield f"{endian} type {kind} none of them, value 6", tiff(endian, [(ORIENTATION, kind, 0, 6)])
            yield f"{endian} type {kind} beyond the end, value 6", tiff(endian, [(ORIENTATION, kind, 1 << 20, b"\0" * 4)])
        yield f"{endian} ratio 12/2", tiff(endian, [(ORIENTATION, RATIONAL, 1, (12, 2))])
        yield f"{endian} ratio 13/2", tiff(endian, [(ORIENTATION, RATIONAL, 1, (13, 2))])
        yield f"{endian} ratio 6/0", tiff(endian, [(ORIENTATION, RATIONAL, 1, (6, 0))])
        yield f"{endian} ratio -6/-1", tiff(endian, [(ORIENTATION, SRATIONAL, 1, (-6, -1))])
        yield f"{endian} ratio -6/1", tiff(endian, [(ORIENTATION, SRATIONAL, 1, (-6, 1))])
        yield f"{endian} float 6.5", tiff(endian, [(ORIENTATION, FLOAT, 1, 6.5)])
        yield f"{endian} signed -6", tiff(endian, [(ORIENTATION, SSHORT, 1, -6)])
        six, three = (ORIENTATION, SHORT, 1, 6), (ORIENTATION, SHORT, 1, 3)
        other = (0x010F, ASCII, 6, b"maker\0")
        yield f"{endian} twice", tiff(endian, [six, three])
        yield f"{endian} twice, the other way", tiff(endian, [three, six])
        yield f"{endian} twice, the second of an unknown type", tiff(endian, [six, (ORIENTATION, 99, 1, b"\3\0\3\0")])
        yield f"{endian} behind another", tiff(endian, [other, six])
        yield f"{endian} behind one beyond the end", tiff(endian, [(0x010F, ASCII, 1 << 20, b"\0\0\0\0"), six])
        yield f"{endian} in front of one beyond the end", tiff(endian, [six, (0x010F, ASCII, 1 << 20, b"\0\0\0\0")])
        yield f"{endian} more entries claimed", tiff(endian, [six], count=9)
        yield f"{endian} no entry claimed", tiff(endian, [six], count=0)
        yield f"{endian} cut behind it", tiff(endian, [six], next_directory=False)
        yield f"{endian} cut within it", tiff(endian, [six], next_directory=False)[:-3]
        yield f"{endian} unsorted", tiff(endian, [(0x8769, LONG, 1, 26), six, other])
        order = ">" if endian == "MM" else "<"
        for magic in (42, 43, 0x2A00, 41):
            start = endian.encode() + struct.pack(order + "HI", magic, 8)
            yield f"{endian} magic {magic}", tiff(endian, [six], head=start)
        for place in (0, 4, 9, 100, 0xffffffff):
            start = endian.encode() + struct.pack(order + "HI", 42, place)
            yield f"{endian} directory at {place}", tiff(endian, [six], head=start)
    yield "empty", b""
    yield "no header", b"hello, this is no TIFF"
    yield "short header", b"II*\0"
