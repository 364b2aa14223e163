"""PNG files as they occur and as they should not: every colour type, depth and interlacing with every chunk and fault.

Pixels are random bytes behind random filters, as what counts is what decoders make of them. images() yields
(kind, bytes); the same on every machine."""
import random
import struct
import zlib

import odd_exif

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Colour type and bits of a sample.
KINDS = ((0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (4, 16), (6, 8),
         (6, 16))
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(name, data=b"", crc=None, size=None):
    checksum = zlib.crc32(name + data) if crc is None else crc
    return struct.pack(">I", len(data) if size is None else size) + name + data + struct.pack(">I", checksum)


def header(width, height, bits, color, compression=0, filtering=0, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, compression, filtering, interlace))


def text(keyword, value):
    return chunk(b"tEXt", keyword + b"\0" + value)


def frame(sequence, left, top, width, height, disposal=0):
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, width, height, left, top, 1, 10, disposal, 0))


def animation(frames):
    return chunk(b"acTL", struct.pack(">II", frames, 0))


class Picture:
    """One image, whose parts may be replaced before it is put together."""

    def __init__(self, color, bits, width, height, interlaced=False, seed=0):
        self.random = random.Random(f"{color} {bits} {width} {height} {interlaced} {seed}")
        self.color, self.bits, self.width, self.height, self.interlaced = color, bits, width, height, interlaced
        self.palette = [self.random.randbytes(3) for _ in range(2**bits)] if color == 3 else []
        self.rows = self.random_rows()

    def name(self):
        return f"{self.color}-{self.bits}{'i' if self.interlaced else ''}"

    def random_rows(self):
        """Rows of all passes: a filter and bytes."""
        pixel = SAMPLES[self.color] * self.bits
        passes = PASSES if self.interlaced else ((0, 0, 1, 1),)
        rows = []
        for left, top, across, down in passes:
            columns, lines = -(-(self.width - left) // across), -(-(self.height - top) // down)
            if columns <= 0:
                continue
            for _ in range(lines):
                rows.append(bytes([self.random.randrange(5)]) + self.random.randbytes((columns * pixel + 7) // 8))
        return rows

    def header(self):
        return header(self.width, self.height, self.bits, self.color, interlace=int(self.interlaced))

    def plte(self):
        return chunk(b"PLTE", b"".join(self.palette)) if self.palette else b""

    def stream(self, rows=None, level=6):
        return zlib.compress(b"".join(self.rows if rows is None else rows), level)

    def file(self, before=b"", after=b"", pixels=None, plte=None, head=None, end=chunk(b"IEND")):
        return (SIGNATURE + (self.header() if head is None else head) + (self.plte() if plte is None else plte) + before +
                (chunk(b"IDAT", self.stream()) if pixels is None else pixels) + after + end)


def pictures(sizes, seed=0):
    for color, bits in KINDS:
        for interlaced in (False, True):
            for width, height in sizes:
                yield Picture(color, bits, width, height, interlaced, seed)


def plain():
    """Every kind in many sizes."""
    for picture in pictures(((1, 1), (2, 3), (5, 7), (8, 8), (9, 17), (33, 20), (3, 40))):
        yield f"plain {picture.name()} {picture.width}x{picture.height}", picture.file()


def ancillary(picture):
    """Chunks in front of the pixels, by what they are."""
    color, top = picture.color, 2**picture.bits - 1
    profile = zlib.compress(b"no profile, but who looks?" * 20)
    transparent = {0: struct.pack(">H", top // 2), 2: struct.pack(">HHH", 1, 2, top)}
    background = {0: b"\0\1", 2: b"\0\1" * 3, 3: b"\1", 4: b"\0\1", 6: b"\0\1" * 3}
    yield "tRNS", chunk(b"tRNS", transparent.get(color, b"\x00\x80\xff"))
    yield "tRNS of one", chunk(b"tRNS", transparent.get(color, b"\xff\x00\xff"))
    yield "tRNS short", chunk(b"tRNS", b"\x01")
    yield "tRNS empty", chunk(b"tRNS")
    yield "tRNS long", chunk(b"tRNS", b"\x10" * 300)
    yield "bKGD", chunk(b"bKGD", background[color])
    yield "gAMA", chunk(b"gAMA", struct.pack(">I", 45455))
    yield "gAMA short", chunk(b"gAMA", b"\0\1\2")
    yield "cHRM", chunk(b"cHRM", bytes(32))
    yield "cHRM odd", chunk(b"cHRM", bytes(33))
    yield "cHRM short", chunk(b"cHRM", bytes(4))
    yield "sRGB", chunk(b"sRGB", b"\0")
    yield "sRGB empty", chunk(b"sRGB")
    yield "iCCP", chunk(b"iCCP", b"name\0\0" + profile)
    yield "iCCP damaged", chunk(b"iCCP", b"name\0\0" + profile[:-9])
    yield "iCCP without a name", chunk(b"iCCP", b"name")
    yield "iCCP empty", chunk(b"iCCP")
    yield "iCCP large", chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(1 << 21)))
    yield "sBIT", chunk(b"sBIT", bytes([min(picture.bits, 5)] * (3 if color == 3 else SAMPLES[color])))
    yield "sBIT wrong", chunk(b"sBIT", b"\x63" * 7)
    yield "pHYs", chunk(b"pHYs", bytes(9))
    yield "pHYs short", chunk(b"pHYs", bytes(8))
    yield "tIME", chunk(b"tIME", bytes(7))
    yield "hIST", chunk(b"hIST", bytes(2 * 2**picture.bits if color == 3 else 2))
    yield "sPLT", chunk(b"sPLT", b"name\0\x08" + bytes(12))
    yield "tEXt", text(b"Comment", b"hello")
    yield "tEXt without end", chunk(b"tEXt", b"Comment")
    yield "zTXt", chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"hello"))
    yield "zTXt of another method", chunk(b"zTXt", b"Comment\0\7" + zlib.compress(b"hello"))
    yield "zTXt large", chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1 << 21)))
    yield "iTXt", chunk(b"iTXt", b"Comment\0\0\0en\0\0hello")
    yield "iTXt broken", chunk(b"iTXt", b"Comment\0\1\7")
    yield "iTXt not UTF-8", chunk(b"iTXt", b"Comment\0\0\0en\0\0\xff\xfe")
    yield "unknown", chunk(b"teSt", b"data")
    yield "unknown critical", chunk(b"TeSt", b"data")
    yield "unknown, checksum wrong", chunk(b"teSt", b"data", crc=1)
    yield "gAMA checksum wrong", chunk(b"gAMA", struct.pack(">I", 45455), crc=1)
    yield "name of digits", chunk(b"12_4", b"data")
    yield "name of no letters", chunk(b"t\xe4-t", b"data")
    yield "size beyond the file", chunk(b"teSt", b"data", size=1 << 30)
    yield "size negative", chunk(b"teSt", b"data", size=0xffffffff)
    yield "acTL", animation(1) + frame(0, 0, 0, picture.width, picture.height)
    yield "acTL twice", animation(1) + animation(2) + frame(0, 0, 0, picture.width, picture.height)
    yield "acTL short", chunk(b"acTL", bytes(7))
    yield "acTL of none", animation(0)
    yield "fcTL alone", frame(0, 0, 0, picture.width, picture.height)
    yield "fcTL to background", animation(2) + frame(0, 0, 0, picture.width, picture.height, 1)
    yield "fcTL to previous", animation(2) + frame(0, 0, 0, picture.width, picture.height, 2)
    yield "fcTL out of order", animation(2) + frame(7, 0, 0, picture.width, picture.height)
    yield "fcTL too large", animation(2) + frame(0, 1, 0, picture.width, picture.height)
    yield "fcTL empty", animation(2) + frame(0, 0, 0, 0, 1)
    yield "fcTL short", animation(2) + chunk(b"fcTL", bytes(25))
    yield "PLTE", chunk(b"PLTE", bytes(range(30)))
    yield "eXIf", chunk(b"eXIf", odd_exif.tiff("II", [(0x0112, odd_exif.SHORT, 1, 6)]))


def chunks():
    """Every kind with every chunk in front of the pixels and behind them."""
    for picture in pictures(((7, 5),), seed=1):
        for name, data in ancillary(picture):
            yield f"chunk {name} {picture.name()}", picture.file(before=data)
    for picture in pictures(((6, 4),), seed=2):
        if picture.interlaced or picture.bits not in (1, 8):
            continue
        for name, data in ancillary(picture):
            yield f"chunk behind {name} {picture.name()}", picture.file(after=data)


def palettes():
    for bits in (1, 2, 4, 8):
        for interlaced in (False, True):
            for entries in (0, 1, 2, 3, 5, 15, 16, 17, 100, 255, 256, 257, 300):
                for more in (0, 1, 2):
                    picture = Picture(3, bits, 13, 9, interlaced, entries)
                    data = bytes(picture.random.randbytes(3 * entries + more))
                    yield f"palette of {entries} and {more} {picture.name()}", picture.file(plte=chunk(b"PLTE", data))
            picture = Picture(3, bits, 13, 9, interlaced)
            yield f"palette absent {picture.name()}", picture.file(plte=b"")
            yield f"palette absent, tRNS {picture.name()}", picture.file(plte=b"", before=chunk(b"tRNS", b"\xff\0"))
            yield f"palette absent, tRNS of many {picture.name()}", picture.file(plte=b"", before=chunk(b"tRNS", b"\1\0"))
            yield f"palette twice {picture.name()}", picture.file(before=chunk(b"PLTE", bytes(range(9))))
            yield f"palette behind {picture.name()}", picture.file(plte=b"", after=picture.plte())
            yield f"palette in front of the header {picture.name()}", picture.file(
                plte=b"", head=picture.plte() + picture.header())
            yield f"palette checksum wrong {picture.name()}", picture.file(
                plte=chunk(b"PLTE", b"".join(picture.palette), crc=0))


def parted(stream, size):
    return b"".join(chunk(b"IDAT", stream[i:i + size]) for i in range(0, len(stream), size))


def streams(picture):
    """The compressed pixels in many ways, and with many faults."""
    whole, rows = picture.stream(), picture.rows
    for size in (1, 2, 7):
        yield f"in parts of {size}", parted(whole, size)
    yield "between empty parts", chunk(b"IDAT") + parted(whole, 9) + chunk(b"IDAT")
    yield "parts with a chunk between", chunk(b"IDAT", whole[:9]) + text(b"a", b"b") + chunk(b"IDAT", whole[9:])
    yield "stored", chunk(b"IDAT", picture.stream(level=0))
    yield "smallest", chunk(b"IDAT", picture.stream(level=9))
    yield "checksum wrong", chunk(b"IDAT", whole, crc=7)
    yield "checksum of a part wrong", chunk(b"IDAT", whole[:9], crc=7) + chunk(b"IDAT", whole[9:])
    yield "Adler wrong", chunk(b"IDAT", whole[:-1] + bytes([whole[-1] ^ 1]))
    yield "Adler wrong in a part of its own", chunk(b"IDAT", whole[:-4]) + chunk(b"IDAT", b"abcd")
    yield "Adler missing", chunk(b"IDAT", whole[:-4])
    yield "Adler cut", chunk(b"IDAT", whole[:-2])
    yield "bytes behind the stream", chunk(b"IDAT", whole + b"behind")
    yield "parts behind the stream", chunk(b"IDAT", whole) + chunk(b"IDAT", b"behind")
    yield "more rows", chunk(b"IDAT", picture.stream(rows + rows))
    yield "no stream", chunk(b"IDAT")
    yield "no zlib", chunk(b"IDAT", b"\0" + whole)
    yield "needs a dictionary", chunk(b"IDAT", b"\x78\xbb" + bytes(4) + whole[2:])
    yield "filter 5", chunk(b"IDAT", picture.stream([b"\5" + rows[0][1:]] + rows[1:]))
    yield "last filter 255", chunk(b"IDAT", picture.stream(rows[:-1] + [b"\xff" + rows[-1][1:]]))
    for missing in (1, 2, len(rows) // 2, len(rows) - 1):
        short = picture.stream(rows[:-missing])
        yield f"{missing} rows missing", chunk(b"IDAT", short)
        yield f"{missing} rows missing, stored", chunk(b"IDAT", picture.stream(rows[:-missing], level=0))
        yield f"{missing} rows missing, end apart", chunk(b"IDAT", short[:-5]) + chunk(b"IDAT", short[-5:])
        yield f"{missing} rows missing, Adler apart", chunk(b"IDAT", short[:-4]) + chunk(b"IDAT", short[-4:])
        yield f"{missing} rows missing, bytes behind", chunk(b"IDAT", short + b"behind")
    yield "ends within a row", chunk(b"IDAT", picture.stream(rows[:-1] + [rows[-1][:-1]]))
    yield "ends within a row, bytes behind", chunk(b"IDAT", picture.stream(rows[:-1] + [rows[-1][:-1]]) + b"behind")
    yield "size beyond the file", chunk(b"IDAT", whole, size=1 << 30)
    for at in range(2, len(whole), max(1, len(whole) // 8)):
        damaged = bytearray(whole)
        damaged[at] ^= 0x55
        yield f"byte {at} wrong", chunk(b"IDAT", bytes(damaged))


def pixels():
    for picture in pictures(((9, 11),), seed=3):
        for name, data in streams(picture):
            yield f"pixels {name} {picture.name()}", picture.file(pixels=data)


def cuts():
    """Files that end early, at every byte of one and at some of others."""
    for picture in pictures(((6, 5),), seed=4):
        data = picture.file(before=text(b"a", b"b"), after=text(b"Comment", b"behind"))
        every = 1 if (picture.color, picture.bits) in ((2, 8), (3, 4)) else 11
        for size in range(9, len(data), every):
            yield f"cut at {size} {picture.name()}", data[:size]
        yield f"no end {picture.name()}", picture.file(end=b"")
        yield f"junk behind {picture.name()}", picture.file() + b"junk" * 5
        yield f"junk for the end {picture.name()}", picture.file(end=b"junkjunkjunk")


def headers():
    picture = Picture(2, 8, 6, 5)
    for color in range(8):
        for bits in (0, 1, 2, 3, 4, 5, 8, 12, 16, 32):
            if (color, bits) not in KINDS:
                yield f"header of colour {color} and {bits} bits", picture.file(head=header(6, 5, bits, color))
    for width, height in ((0, 5), (6, 0), (0, 0)):
        yield f"header of {width}x{height}", picture.file(head=header(width, height, 8, 2))
    for name, options in (("compression 1", {"compression": 1}), ("filtering 1", {"filtering": 1}),
                          ("interlace 2", {"interlace": 2})):
        other = Picture(2, 8, 6, 5, "interlace" in options)
        yield f"header with {name}", other.file(head=header(6, 5, 8, 2, **options))
    yield "header checksum wrong", picture.file(head=chunk(b"IHDR", header(6, 5, 8, 2)[8:21], crc=3))
    yield "header short", picture.file(head=chunk(b"IHDR", header(6, 5, 8, 2)[8:20]))
    yield "header long", picture.file(head=chunk(b"IHDR", header(6, 5, 8, 2)[8:21] + b"more"))
    yield "header absent", picture.file(head=b"")
    yield "header second", picture.file(head=text(b"a", b"b") + picture.header())
    yield "header twice", picture.file(head=picture.header() * 2)
    yield "no pixels", picture.file(pixels=b"")


def animations():
    for color, bits in KINDS:
        for interlaced in (False, True):
            small = Picture(color, bits, 5, 4, interlaced, 8)
            large = Picture(color, bits, 9, 7, interlaced, 9)
            first = animation(2) + frame(0, 0, 0, 9, 7)
            second = frame(1, 1, 1, 5, 4) + chunk(b"fdAT", struct.pack(">I", 2) + small.stream())
            yield f"animation {large.name()}", large.file(before=first, after=second)
            yield f"animation, one more picture {large.name()}", large.file(
                before=animation(1), after=frame(0, 0, 0, 9, 7) + chunk(b"fdAT", struct.pack(">I", 1) + large.stream()))
            for left, top in ((0, 0), (2, 1), (4, 3)):
                yield f"animation, first frame small at {left},{top} {large.name()}", large.file(
                    before=animation(2) + frame(0, left, top, 5, 4), pixels=chunk(b"IDAT", small.stream()))
            yield f"animation without pixels of its own {large.name()}", large.file(
                before=first, pixels=chunk(b"fdAT", struct.pack(">I", 1) + large.stream()))
            yield f"animation cut {large.name()}", large.file(before=first, after=second)[:-30]


def depths():
    """Gray of more than 8 bits that uses some of them."""
    for bits in (8, 9, 10, 12, 14, 16):
        for color in (0, 2, 4, 6):
            picture = Picture(color, 16, 11, 6, False, bits)
            rows = []
            for _ in range(6):
                values = [picture.random.randrange(2**bits) for _ in range(11 * SAMPLES[color])]
                rows.append(b"\0" + struct.pack(f">{len(values)}H", *values))
            yield f"depth of {bits} bits {picture.name()}", picture.file(pixels=chunk(b"IDAT", picture.stream(rows)))


def orientations():
    for color, bits in ((2, 8), (3, 4), (0, 16)):
        picture = Picture(color, bits, 9, 6, False, 5)
        for name, exif in odd_exif.forms():
            if color != 2 and "value 6" not in name:
                continue
            yield f"exif eXIf {name} {picture.name()}", picture.file(before=chunk(b"eXIf", exif))
        exif = odd_exif.tiff("MM", [(0x0112, odd_exif.SHORT, 1, 6)])
        digits = exif.hex()
        raw = b"\nexif\n%8d\n" % len(exif) + "\n".join(
            digits[i:i + 72] for i in range(0, len(digits), 72)).encode() + b"\n"
        signed = b"\nexif\n%8d\n" % (len(exif) + 6) + (b"Exif\0\0" + exif).hex().encode() + b"\n"
        attribute = b'<x:xmpmeta><rdf:Description tiff:Orientation="8"/></x:xmpmeta>'
        element = b"<x:xmpmeta><tiff:Orientation>3</tiff:Orientation></x:xmpmeta>"
        carriers = {
            "behind": (b"", chunk(b"eXIf", exif)),
            "with a signature": (chunk(b"eXIf", b"Exif\0\0" + exif), b""),
            "twice": (chunk(b"eXIf", exif) + chunk(b"eXIf", odd_exif.tiff("II", [(0x0112, odd_exif.SHORT, 1, 3)])), b""),
            "in a text": (text(b"exif", exif), b""),
            "in a raw profile": (text(b"Raw profile type exif", raw), b""),
            "in a raw profile with a signature": (text(b"Raw profile type exif", signed), b""),
            "in a compressed raw profile": (chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw)), b""),
            "in an international raw profile": (chunk(b"iTXt", b"Raw profile type exif\0\0\0\0\0" + raw), b""),
            "in a raw profile behind": (b"", text(b"Raw profile type exif", raw)),
            "in a raw profile that is none": (text(b"Raw profile type exif", b"\nexif\n   9\nxyz\n"), b""),
            "in a raw profile of APP1": (text(b"Raw profile type APP1", raw), b""),
            "in XMP": (chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + attribute), b""),
            "in XMP behind": (b"", chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + attribute)),
            "in XMP as element": (chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + element), b""),
            "in XMP as text": (text(b"XML:com.adobe.xmp", element), b""),
            "in compressed XMP": (chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(attribute)), b""),
            "in XMP without a digit": (chunk(b"iTXt", b'XML:com.adobe.xmp\0\0\0\0\0tiff:Orientation="x"'), b""),
            "in both": (chunk(b"eXIf", exif) + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + attribute), b""),
            "in eXIf without it and XMP": (chunk(b"eXIf", odd_exif.tiff("II", [(0x0100, odd_exif.SHORT, 1, 9)])) +
                                           chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + attribute), b""),
            "in eXIf and a raw profile": (chunk(b"eXIf", exif) + text(b"Raw profile type exif", raw), b"")
        }
        for name, (before, after) in carriers.items():
            yield f"exif {name} {picture.name()}", picture.file(before=before, after=after)


def images():
    for part in (plain, chunks, palettes, pixels, cuts, headers, animations, depths, orientations):
        for kind, data in part():
            yield "png " + kind, data
