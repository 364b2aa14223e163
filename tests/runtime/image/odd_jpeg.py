"""JPEG files as they occur and as they should not: colours, samplings, scans, markers, damage and EXIF.

Coefficients are random, as what counts is what decoders make of them. images() yields (kind, bytes); the same on every
machine."""
import random
import struct

import odd_exif

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
SCAN = 0xda
# Codes of one length for all symbols: of 4 bits for DC, of 8 for AC (runs with sizes, end of block, 16 zeros).
DC_SYMBOLS = bytes(range(12))
AC_SYMBOLS = bytes([0x00, 0xf0] + [run << 4 | size for run in range(16) for size in range(1, 11)])
AC_CODES = {symbol: code for code, symbol in enumerate(AC_SYMBOLS)}


def segment(marker, data):
    return bytes([0xff, marker]) + struct.pack(">H", len(data) + 2) + data


def adobe(transform, size=12):
    return segment(0xee, (b"Adobe\0\x64\0\0\0\0" + bytes([transform]))[:size])


JFIF = segment(0xe0, b"JFIF\0\1\1\0\0\1\0\1\0\0")


def exif_segment(data, signature=b"Exif\0\0"):
    return segment(0xe1, signature + data)


class Bits:
    """Bits of a scan, with what has to follow each byte of ones."""

    def __init__(self):
        self.bytes, self.value, self.count = bytearray(), 0, 0

    def put(self, value, count):
        self.value = self.value << count | value & (1 << count) - 1
        self.count += count
        while self.count >= 8:
            self.count -= 8
            byte = self.value >> self.count & 255
            self.bytes.append(byte)
            if byte == 255:
                self.bytes.append(0)
        self.value &= (1 << self.count) - 1

    def fill(self):
        if self.count:
            self.put(-1, 8 - self.count)

    def magnitude(self, value, size):
        self.put(value if value > 0 else value - 1, size)


class Picture:
    """Components of (horizontal, vertical) samplings, with a random coefficient here and there."""

    def __init__(self, width, height, samplings, ids=None, seed=0):
        self.random = random.Random(f"{width} {height} {samplings} {seed}")
        self.width, self.height, self.samplings = width, height, samplings
        self.ids = ids or list(range(1, len(samplings) + 1))
        self.across = max(h for h, v in samplings)
        self.down = max(v for h, v in samplings)
        self.columns, self.rows = -(-width // (8 * self.across)), -(-height // (8 * self.down))  # of MCUs
        self.blocks = []
        for h, v in samplings:
            self.blocks.append([[self.block() for _ in range(self.columns * h)] for _ in range(self.rows * v)])

    def block(self):
        values = [0] * 64
        values[0] = self.random.randrange(-120, 120)
        for _ in range(self.random.randrange(6)):
            values[self.random.randrange(1, 64)] = self.random.randrange(-20, 21)
        return values

    def units(self, components):
        """Lists of (component, block) that a scan codes together."""
        if len(components) > 1:
            for row in range(self.rows):
                for column in range(self.columns):
                    yield [(c, self.blocks[c][row * self.samplings[c][1] + y][column * self.samplings[c][0] + x])
                           for c in components for y in range(self.samplings[c][1])
                           for x in range(self.samplings[c][0])]
            return
        c = components[0]
        h, v = self.samplings[c]
        width, height = -(-self.width * h // self.across), -(-self.height * v // self.down)
        for row in range(-(-height // 8)):
            for column in range(-(-width // 8)):
                yield [(c, self.blocks[c][row][column])]

    def scan(self, components, first=0, last=63, high=0, low=0, progressive=False, restart=0, marks=None):
        """A scan's header and its bits; `marks` numbers the restart markers otherwise."""
        head = bytes([len(components)])
        for c in components:
            head += bytes([self.ids[c], 0])
        data = segment(SCAN, head + bytes([first, last, high << 4 | low]))
        bits, before = Bits(), dict.fromkeys(components, 0)
        for number, unit in enumerate(self.units(components)):
            if restart and number and number % restart == 0:
                bits.fill()
                mark = (number // restart - 1) % 8
                bits.bytes += bytes([0xff, 0xd0 + (mark if marks is None else marks(mark))])
                before = dict.fromkeys(components, 0)
            for c, block in unit:
                if not progressive:
                    self.put_dc(bits, block[0], before, c)
                    self.put_ac(bits, block, 1, 63, 0)
                elif first == 0 and high == 0:
                    self.put_dc(bits, block[0] >> low, before, c)
                elif first == 0:
                    bits.put(block[0] >> low, 1)
                elif high == 0:
                    self.put_ac(bits, block, first, last, low)
                else:
                    self.refine_ac(bits, block, first, last, low)
        bits.fill()
        return data + bytes(bits.bytes)

    @staticmethod
    def put_dc(bits, value, before, component):
        difference = value - before[component]
        before[component] = value
        size = abs(difference).bit_length()
        bits.put(size, 4)
        bits.magnitude(difference, size)

    @staticmethod
    def put_ac(bits, block, first, last, low):
        run = 0
        for k in range(first, last + 1):
            value = (abs(block[k]) >> low) * (1 if block[k] > 0 else -1)
            if value == 0:
                run += 1
                continue
            while run > 15:
                bits.put(AC_CODES[0xf0], 8)
                run -= 16
            size = abs(value).bit_length()
            bits.put(AC_CODES[run << 4 | size], 8)
            bits.magnitude(value, size)
            run = 0
        if run:
            bits.put(AC_CODES[0], 8)

    @staticmethod
    def refine_ac(bits, block, first, last, low):
        sizes = [abs(value) >> low for value in block]
        end = max([k for k in range(first, last + 1) if sizes[k] == 1], default=-1)
        run, corrections = 0, []

        def put_corrections():
            for bit in corrections:
                bits.put(bit, 1)
            corrections.clear()

        for k in range(first, last + 1):
            if sizes[k] == 0:
                run += 1
                continue
            while run > 15 and k <= end:
                bits.put(AC_CODES[0xf0], 8)
                put_corrections()
                run -= 16
            if sizes[k] > 1:
                corrections.append(sizes[k] & 1)
                continue
            bits.put(AC_CODES[run << 4 | 1], 8)
            bits.put(1 if block[k] > 0 else 0, 1)
            put_corrections()
            run = 0
        if run or corrections:
            bits.put(AC_CODES[0], 8)
            put_corrections()

    def frame(self, marker, bits=8, height=None):
        data = struct.pack(">BHHB", bits, self.height if height is None else height, self.width, len(self.samplings))
        for number, (h, v) in zip(self.ids, self.samplings):
            data += bytes([number, h << 4 | v, 0])
        return segment(marker, data)

    @staticmethod
    def tables():
        quantisation = segment(0xdb, b"\0" + bytes(2 + k // 9 for k in range(64)))
        dc = segment(0xc4, b"\x00" + bytes([0, 0, 0, 12] + [0] * 12) + DC_SYMBOLS)
        ac = segment(0xc4, b"\x10" + bytes([0] * 7 + [len(AC_SYMBOLS)] + [0] * 8) + AC_SYMBOLS)
        return quantisation + dc + ac

    def scans(self, progressive, together=True, **options):
        every = list(range(len(self.samplings)))
        if not progressive:
            groups = [every] if together else [[c] for c in every]
            return [self.scan(group, **options) for group in groups]
        options["progressive"] = True
        groups = [every] if together else [[c] for c in every]
        scans = [self.scan(group, 0, 0, 0, 1, **options) for group in groups]
        for c in every:
            scans += [self.scan([c], 1, 5, 0, 2, **options), self.scan([c], 6, 63, 0, 2, **options),
                      self.scan([c], 1, 63, 2, 1, **options)]
        scans += [self.scan(group, 0, 0, 1, 0, **options) for group in groups]
        for c in every:
            scans.append(self.scan([c], 1, 63, 1, 0, **options))
        return scans

    def file(self, progressive=False, markers=JFIF, frame=None, tables=None, scans=None, restart=0, end=EOI, between=b""):
        """Markers, tables, frame and scans put together."""
        interval = segment(0xdd, struct.pack(">H", restart)) if restart else b""
        scans = self.scans(progressive, restart=restart) if scans is None else scans
        return (SOI + markers + between + (self.tables() if tables is None else tables) + between +
                (self.frame(0xc2 if progressive else 0xc0) if frame is None else frame) + interval + b"".join(scans) + end)


COLOR = [(1, 1)] * 3
# Samplings of luma and the two chroma.
SAMPLINGS = {
    "4:4:4": COLOR, "4:2:2": [(2, 1), (1, 1), (1, 1)], "4:4:0": [(1, 2), (1, 1), (1, 1)], "4:2:0": [(2, 2), (1, 1), (1, 1)],
    "4:1:1": [(4, 1), (1, 1), (1, 1)], "4:1:0": [(4, 2), (1, 1), (1, 1)], "1x4": [(1, 4), (1, 1), (1, 1)],
    "2x4": [(2, 4), (1, 1), (1, 1)], "3x1": [(3, 1), (1, 1), (1, 1)], "chroma apart": [(2, 2), (2, 1), (1, 1)],
    "chroma apart, too": [(2, 2), (1, 2), (2, 1)], "chroma larger": [(1, 1), (2, 2), (2, 2)],
    "all doubled": [(2, 2), (2, 2), (2, 2)], "3 and 2": [(3, 2), (2, 1), (1, 1)]}
SIZES = ((1, 1), (7, 5), (8, 8), (16, 16), (17, 9), (40, 33), (3, 41))


def colours():
    """(name, samplings, ids, markers) of every kind of colours."""
    yield "gray", [(1, 1)], None, JFIF
    yield "gray 2x2", [(2, 2)], None, JFIF
    yield "gray without markers", [(1, 1)], [7], b""
    yield "gray with Adobe", [(1, 1)], None, adobe(1)
    yield "YCbCr", COLOR, None, JFIF
    yield "YCbCr without markers", COLOR, None, b""
    yield "ids from 0", COLOR, [0, 1, 2], b""
    yield "ids of letters", COLOR, [ord(c) for c in "RGB"], b""
    yield "ids of letters and JFIF", COLOR, [ord(c) for c in "RGB"], JFIF
    yield "RGB by Adobe", COLOR, None, adobe(0)
    yield "YCbCr by Adobe", COLOR, None, adobe(1)
    yield "three by Adobe 2", COLOR, None, adobe(2)
    yield "JFIF and Adobe 0", COLOR, None, JFIF + adobe(0)
    yield "Adobe short", COLOR, None, adobe(0, 11)
    yield "CMYK by Adobe", [(1, 1)] * 4, None, adobe(0)
    yield "YCCK by Adobe", [(1, 1)] * 4, None, adobe(2)
    yield "YCCK 4:2:0", [(2, 2), (1, 1), (1, 1), (2, 2)], None, adobe(2)
    yield "four by Adobe 1", [(1, 1)] * 4, None, adobe(1)
    yield "four by Adobe 9", [(1, 1)] * 4, None, adobe(9)
    yield "CMYK without markers", [(1, 1)] * 4, None, b""
    yield "CMYK and JFIF", [(1, 1)] * 4, None, JFIF
    yield "two components", [(1, 1)] * 2, None, JFIF
    yield "five components", [(1, 1)] * 5, None, JFIF


def plain():
    for width, height in SIZES:
        for progressive in (False, True):
            how = "progressive" if progressive else "sequential"
            for name, samplings, ids, markers in colours():
                picture = Picture(width, height, samplings, ids)
                yield f"colours {name} {how} {width}x{height}", picture.file(
                    progressive, markers, scans=None if len(samplings) < 5 else [])
            for name, samplings in SAMPLINGS.items():
                picture = Picture(width, height, samplings)
                if sum(h * v for h, v in samplings) > 10:  # more blocks than are coded together
                    yield f"sampling {name} apart {how} {width}x{height}", picture.file(
                        progressive, scans=picture.scans(progressive, together=False))
                    continue
                yield f"sampling {name} {how} {width}x{height}", picture.file(progressive)


def scans():
    for name in ("4:4:4", "4:2:0", "4:1:1"):
        picture = Picture(37, 26, SAMPLINGS[name], seed=1)
        for restart in (1, 2, 3, 7, 100):
            for progressive in (False, True):
                yield f"restart {restart} {'progressive' if progressive else ''} {name}", picture.file(progressive,
                                                                                                    restart=restart)
        interval = {"restart": 2}
        yield f"restart markers all 0 {name}", picture.file(
            scans=picture.scans(False, restart=2, marks=lambda n: 0), **interval)
        yield f"restart markers in another order {name}", picture.file(
            scans=picture.scans(False, restart=2, marks=lambda n: (n + 3) % 8), **interval)
        yield f"restart markers missing {name}", picture.file(scans=picture.scans(False), restart=2)
        yield f"restart interval not told {name}", picture.file(scans=picture.scans(False, restart=2))
        yield f"scans apart {name}", picture.file(scans=picture.scans(False, together=False))
        yield f"a scan missing {name}", picture.file(scans=picture.scans(False, together=False)[:-1])
        yield f"a scan twice {name}", picture.file(scans=picture.scans(False) * 2)
        whole = picture.scans(True)
        for count in range(1, len(whole)):
            yield f"first {count} scans {name}", picture.file(True, scans=whole[:count])
        yield f"scans in another order {name}", picture.file(True, scans=whole[::-1])
        yield f"no scan {name}", picture.file(scans=[])


def markers():
    picture = Picture(19, 13, SAMPLINGS["4:2:0"], seed=2)
    comment = segment(0xfe, b"hello")
    for name, data in {
            "comment": comment, "filled": b"\xff" * 5, "junk": b"junk", "zero bytes": bytes(9), "escaped": b"\xff\x00",
            "restart": b"\xff\xd3", "temporary": b"\xff\x01", "reserved": b"\xff\x42", "start again": SOI,
            "end": EOI, "extension": b"\xff\xf3", "lines": segment(0xdc, b"\0\5"), "hierarchical": segment(0xde, bytes(6)),
            "segment of size 0": b"\xff\xe5\0\0", "segment of size 1": b"\xff\xe5\0\1", "segment cut": b"\xff\xe5\xff\xff",
            "JFIF short": segment(0xe0, b"JFIF\0"), "JFIF of 6": segment(0xe0, b"JFIF\0\1"), "JFXX": segment(0xe0, b"JFXX\0\x10"),
            "Adobe": adobe(0), "Adobe of 6": adobe(0, 6), "profile": segment(0xe2, b"ICC_PROFILE\0\1\1data"),
            "profile in parts": segment(0xe2, b"ICC_PROFILE\0\1\2da") + segment(0xe2, b"ICC_PROFILE\0\2\2ta"),
            "profile without a number": segment(0xe2, b"ICC_PROFILE\0"), "FlashPix": segment(0xe2, b"FPXR\0data"),
            "MPF": segment(0xe2, b"MPF\0" + odd_exif.tiff("II", [(0xb001, odd_exif.LONG, 1, 1)])),
            "MPF of two": segment(0xe2, b"MPF\0" + odd_exif.tiff("II", [(0xb001, odd_exif.LONG, 1, 2)])),
            "MPF broken": segment(0xe2, b"MPF\0data"), "Photoshop": segment(0xed, b"Photoshop 3.0\0" + b"8BIM\x03\xed\0\0\0\0\0\x10" + bytes(16)),
            "Photoshop cut": segment(0xed, b"Photoshop 3.0\0" + b"8BIM\x03\xed\0"),
            "Photoshop empty": segment(0xed, b"Photoshop 3.0\0" + b"8BIM\x03\xed\0\0\0\0\0\0"),
            "XMP": segment(0xe1, b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>'),
            "comment large": segment(0xfe, bytes(65533))}.items():
        yield f"marker {name}", picture.file(between=data)
    tables, frame = picture.tables(), picture.frame(0xc0)
    yield "marker tables missing", picture.file(tables=b"")
    yield "marker quantisation missing", picture.file(tables=tables[69:])
    yield "marker Huffman tables missing", picture.file(tables=tables[:69])
    yield "marker tables twice", picture.file(tables=tables * 2)
    yield "marker tables of 16 bits", picture.file(
        tables=segment(0xdb, b"\x10" + b"".join(struct.pack(">H", 3 + k) for k in range(64))) + tables[69:])
    yield "marker table cut", picture.file(tables=segment(0xdb, b"\0" + bytes(30)) + tables[69:])
    yield "marker quantisation by 0", picture.file(tables=segment(0xdb, b"\0" + bytes(64)) + tables[69:])
    for marker in list(range(0xc0, 0xd0)) + [0xde]:
        if marker not in (0xc0, 0xc4, 0xcc):
            yield f"frame of marker {marker:x}", picture.file(frame=picture.frame(marker))
    for bits in (1, 4, 7, 9, 12, 16):
        yield f"frame of {bits} bits", picture.file(frame=picture.frame(0xc1, bits))
    yield "frame twice", picture.file(frame=frame * 2)
    yield "frame missing", picture.file(frame=b"")
    yield "frame of no rows", picture.file(frame=picture.frame(0xc0, height=0))
    yield "frame of more rows", picture.file(frame=picture.frame(0xc0, height=40))
    yield "frame of fewer rows", picture.file(frame=picture.frame(0xc0, height=5))
    yield "frame short", picture.file(frame=segment(0xc0, frame[4:-3]))
    yield "frame behind the scan", picture.file(frame=b"", scans=picture.scans(False) + [frame])


def damage():
    for name, progressive, restart in (("sequential", False, 0), ("progressive", True, 0), ("with restarts", False, 2)):
        picture = Picture(29, 22, SAMPLINGS["4:2:0"], seed=3)
        whole = picture.file(progressive, restart=restart)
        for cut in list(range(1, 12)) + list(range(12, len(whole) - 4, len(whole) // 24)):
            yield f"cut {cut} bytes {name}", whole[:-cut]
            yield f"cut {cut} bytes, but for the end {name}", whole[:-cut - 2] + EOI
        yield f"junk behind {name}", whole + b"junk" * 9
        yield f"end twice {name}", whole + EOI
        yield f"no end but a picture behind {name}", whole[:-2] + whole
        start = whole.index(b"\xff\xda")
        for number in range(60):
            damaged = bytearray(whole)
            for _ in range(1 + number % 3):
                damaged[picture.random.randrange(start + 14, len(whole) - 2)] = picture.random.randrange(256)
            yield f"damaged {number} {name}", bytes(damaged)
        for number in range(40):
            damaged = bytearray(whole)
            damaged[picture.random.randrange(2, start + 14)] = picture.random.randrange(256)
            yield f"damaged in front {number} {name}", bytes(damaged)


def orientations():
    picture = Picture(21, 14, COLOR, seed=4)
    for name, exif in odd_exif.forms():
        yield f"exif {name}", picture.file(markers=JFIF + exif_segment(exif))
        if "type 3" in name or "plain" in name:
            yield f"exif without JFIF {name}", picture.file(markers=exif_segment(exif))
    six, three = (odd_exif.tiff("II", [(0x0112, odd_exif.SHORT, 1, value)]) for value in (6, 3))
    for name, data in {
            "two segments": exif_segment(six) + exif_segment(three), "split": exif_segment(six[:20]) + exif_segment(six[20:]),
            "split with a signature that is none": exif_segment(six, b"Exif\0\1"), "no second zero": exif_segment(six, b"Exif\0"),
            "lower case": exif_segment(six, b"exif\0\0"), "in APP2": segment(0xe2, b"Exif\0\0" + six),
            "behind junk": b"junk" + exif_segment(six), "behind padding": b"\xff" * 3 + exif_segment(six),
            "behind a comment": segment(0xfe, b"Exif\0\0" + three) + exif_segment(six), "signature alone": exif_segment(b""),
            "behind XMP": segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0") + exif_segment(six)}.items():
        yield f"exif {name}", picture.file(markers=JFIF + data)
    yield "exif behind the frame", picture.file(frame=picture.frame(0xc0) + exif_segment(six))
    yield "exif behind the scan", picture.file(end=exif_segment(six) + EOI)


def images():
    for part in (plain, scans, markers, damage, orientations):
        for kind, data in part():
            yield "jpeg " + kind, data
