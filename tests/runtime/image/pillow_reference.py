#!/usr/bin/python3
"""What Pillow makes of images, for a comparison bit by bit.
pillow_reference.py JOBS OUT: each line of JOBS is "SOURCE decode", "SOURCE resize W H FILTER", "SOURCE crop RESIZE CROP" or
"SOURCE upright RESIZE CROP" (which heeds the orientation in EXIF) or "SOURCE gray RESIZE CROP" (one channel), or
"SOURCE pad W H" (the ratio kept, a border of 0);
SOURCE is an image or an .npy of uint8 H x W x 3. OUT gets, for each line, width and height as little-endian u32 and
the bytes of its pixels, RGB or gray."""
import struct
import sys

import numpy as np
from PIL import Image, ImageOps


def load(path):
    if path.endswith(".npy"):
        return Image.fromarray(np.load(path))
    return Image.open(path).convert("RGB")


def resize_and_crop(image, resize, crop):
    w, h = image.size
    if resize and min(w, h) != resize:
        size = (resize, int(resize * h / w)) if w < h else (int(resize * w / h), resize)
        image = image.resize(size, Image.BILINEAR)
    if crop:
        w, h = image.size
        left, top = int(round((w - crop) / 2.0)), int(round((h - crop) / 2.0))
        image = image.crop((left, top, left + crop, top + crop))
    return image


with open(sys.argv[1]) as jobs, open(sys.argv[2], "wb") as out:
    for line in jobs:
        source, verb, *arguments = line.split()
        image = load(source)
        if verb == "resize":
            filter = getattr(Image, arguments[2].upper())
            image = image.resize((int(arguments[0]), int(arguments[1])), filter)
        elif verb == "crop":
            image = resize_and_crop(image, *map(int, arguments))
        elif verb == "upright":
            image = ImageOps.exif_transpose(Image.open(source)).convert("RGB")
            image = resize_and_crop(image, *map(int, arguments))
        elif verb == "pad":
            image = ImageOps.pad(image, (int(arguments[0]), int(arguments[1])), Image.BILINEAR)
        elif verb == "gray":
            image = resize_and_crop(Image.open(source).convert("L"), *map(int, arguments))
        out.write(struct.pack("<II", *image.size))
        out.write(image.tobytes())
