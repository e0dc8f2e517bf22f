#!/usr/bin/env python3
"""Draws the PNG icons beside icon.svg anew; needs nothing but Python. Run it when the drawing changes."""

import math
import struct
import zlib
from pathlib import Path

INDIGO, PAPER, SEAL = (0x2A, 0x4A, 0x7F), (0xF6, 0xF3, 0xEC), (0xE2, 0x58, 0x3A)
BARS = [(80, 148, 432, 196), (128, 108, 176, 416), (336, 108, 384, 416)]
CENTRE, RADIUS = (256, 306), 52
SAMPLES = 4


def colour(x, y):
    """The drawing at a point of its 512 by 512 units."""
    if math.dist((x, y), CENTRE) <= RADIUS:
        return SEAL
    if any(left <= x < right and top <= y < bottom for left, top, right, bottom in BARS):
        return PAPER
    return INDIGO


def pixel(column, row, size, scale):
    """The mean of a pixel's samples, the drawing shrunk about its middle by `scale`."""
    points = [(i + 0.5) / SAMPLES for i in range(SAMPLES)]
    unit = lambda at: ((at / size) - 0.5) / scale * 512 + 256
    samples = [colour(unit(column + dx), unit(row + dy)) for dy in points for dx in points]
    return bytes(round(sum(channel) / len(samples)) for channel in zip(*samples))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def draw(name, size, scale=1.0):
    rows = b"".join(b"\0" + b"".join(pixel(c, r, size, scale) for c in range(size)) for r in range(size))
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    Path(__file__).parent.parent.joinpath(name).write_bytes(png)


draw("icon-192.png", 192)
draw("icon-512.png", 512)
# A launcher may cut a circle of 80 % out of a maskable icon.
draw("icon-maskable-512.png", 512, scale=0.78)
