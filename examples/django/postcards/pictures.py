"""Makes the picture of a card: a reduced photo, or a landscape painted from the card's id."""

import math
import os
import random
import tempfile

from PIL import Image, ImageDraw, ImageFilter, ImageOps

SIZES = {"large": (1600, 1600), "small": (640, 640)}
FORMATS = ["JPEG", "PNG", "WEBP", "GIF"]

# Sky above, sky below, sun, then the hills from far to near.
PALETTES = [
    ("#2b4c7e", "#f6d8ae", "#ffe9c9", ["#8fa3b8", "#5c7a99", "#38597a", "#1d3a56"]),
    ("#5d3a6e", "#f7a072", "#ffd7a3", ["#b5727c", "#8a5069", "#5a3557", "#352042"]),
    ("#7fb7be", "#fbf3d5", "#fff7df", ["#a9c5a0", "#7ba284", "#4f7d68", "#2f5a4b"]),
    ("#14213d", "#3f5e8c", "#f1f3f6", ["#33507a", "#263f63", "#1a2e4b", "#101e33"]),
    ("#d96c4f", "#fbe2c4", "#fff3da", ["#d79a72", "#b5714f", "#87503c", "#57332b"]),
]


def make(card):
    """Write both sizes of the card's picture.

    Raises:
        OSError, ValueError: the upload is not a picture that can be read.
    """
    if card.upload:
        with card.upload.open("rb") as file, Image.open(file, formats=FORMATS) as opened:
            opened.draft("RGB", SIZES["large"])
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    else:
        picture = paint(card.pk.int)
    for size, box in SIZES.items():
        copy = picture.copy()
        copy.thumbnail(box)
        write(copy, card.picture(size))


def write(picture, path):
    """Replace the file atomically: a reader sees either the old one or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        try:
            picture.save(file, "WEBP", quality=82)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def paint(seed):
    """A landscape; the same seed gives the same picture."""
    chance = random.Random(seed)
    above, below, sun, hills = chance.choice(PALETTES)
    width, height = 1200, 800
    picture = sky(width, height, above, below)
    centre = (chance.uniform(0.2, 0.8) * width, chance.uniform(0.22, 0.45) * height)
    shine(picture, centre, chance.uniform(50, 90), sun)
    draw = ImageDraw.Draw(picture)
    for number, colour in enumerate(hills):
        base = height * (0.52 + 0.13 * number)
        draw.polygon(ridge(chance, width, height, base, 90 - 12 * number), fill=colour)
    return picture


def sky(width, height, above, below):
    column = Image.linear_gradient("L").resize((width, height))
    return ImageOps.colorize(column, above, below)


def shine(picture, centre, radius, colour):
    """A sun with a glow around it."""
    for factor, blur, strength in ((2.4, 110, 110), (1.0, 2, 255)):
        mask = Image.new("L", picture.size)
        reach = radius * factor
        box = [centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach]
        ImageDraw.Draw(mask).ellipse(box, fill=strength)
        picture.paste(colour, (0, 0), mask.filter(ImageFilter.GaussianBlur(blur)))


def ridge(chance, width, height, base, rise):
    """The outline of one row of hills: a few waves on top of each other."""
    waves = [(chance.uniform(0.6, 1.4) * 2**n, chance.uniform(0, 6.3), rise / 2**n) for n in range(4)]
    points = []
    for x in range(0, width + 1, 8):
        lift = sum(math.sin(x / width * 2 * math.pi * speed + phase) * size for speed, phase, size in waves)
        points.append((x, base - lift / 2))
    return [*points, (width, height), (0, height)]
