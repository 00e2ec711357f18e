"""Aliens and predators: the lecture's two classes as small drawn images, as many as wanted.

What it is. Heads and shoulders of creatures in front of a sky. An alien has an egg-shaped bald head, large dark eyes
and, now and then, antennae. A predator has dreadlocks, a mask with small glowing eyes, and fangs.

What varies. The colours of skin and sky, light, size, position, tilt, the turn of the head, antennae, the length of the
dreadlocks, moons, stars and noise. Colours are drawn alike for both classes, so the mean colour of an image says next
to nothing about its class: one has to look at shapes.

What it is not. No photographs, no benchmark, and nothing from a film: a result on these images says something about a
method and a small network, and nothing about real images. Both classes are equally likely; there are no other ones.
"""

import math

import torch
from torch import Generator, Tensor

CLASSES = ("alien", "predator")


def creatures(num: int, size: int = 32, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
    """Return images of aliens and predators, and which is which.

    Args:
        num: ``N``, how many, at least 0.
        size: ``S``, height and width in pixels, at least 8.
        generator: decides everything; ``None`` is PyTorch's own.

    Returns:
        ``(N, 3, S, S)`` float32 images in ``[0, 1]`` and ``(N,)`` int64 labels, 0 for an alien, 1 for a predator.

    Raises:
        ValueError: if ``num`` is negative or ``size`` is below 8.

    Example:
        >>> images, labels = creatures(5, generator=torch.Generator().manual_seed(0))
        >>> images.shape, labels.shape
        (torch.Size([5, 3, 32, 32]), torch.Size([5]))
    """
    if num < 0 or size < 8:
        raise ValueError(f"creatures: expected num >= 0 and size >= 8, got {num} and {size}.")
    labels = torch.randint(0, 2, (num,), generator=generator)  # (N,)
    picture = _Picture(num, size, generator)
    _paint_sky(picture)
    picture.turn()
    skin = (picture.draw(0, 1), picture.draw(0.35, 0.8), picture.draw(0.45, 0.85))
    light, dark = _rgb(*skin), _rgb(skin[0], skin[1], 0.45 * skin[2])
    is_predator = labels.bool()[:, None, None]  # (N, 1, 1)
    picture.ellipse((0, 1.12), (0.72, 0.5), 0.6 * light)
    picture.ellipse((0, 0.62), (0.2, 0.4), 0.72 * light)
    _paint_alien(picture, light, ~is_predator)
    _paint_predator(picture, light, dark, is_predator)
    return picture.finish(), labels


class _Picture:
    """A batch of images to paint on; the coordinates of a creature go from -1 to 1, x to the right and y down."""

    def __init__(self, num: int, size: int, generator: Generator | None) -> None:
        self.generator = generator
        self.shape = (num, 1, 1)
        line = (torch.arange(size) + 0.5) / size * 2 - 1
        self.x, self.y = line.expand(num, size, size), line[:, None].expand(num, size, size)  # (N, S, S)
        self.pixel = torch.full(self.shape, 2 / size)  # how wide a pixel is, in these coordinates
        self.image = torch.zeros(num, 3, size, size)

    def draw(self, low: float, high: float) -> Tensor:
        """Return a random number for each image."""
        return low + (high - low) * torch.rand(self.shape, generator=self.generator)  # (N, 1, 1)

    def turn(self) -> None:
        """Give each creature a place, a size, a tilt and a turn of the head."""
        scale, tilt, lean = self.draw(0.68, 1.0), self.draw(-0.35, 0.35), self.draw(-0.2, 0.2)
        x, y = (self.x - self.draw(-0.2, 0.2)) / scale, (self.y - self.draw(-0.12, 0.2)) / scale
        self.x, self.y = tilt.cos() * x + tilt.sin() * y, tilt.cos() * y - tilt.sin() * x
        self.x = self.x * self.draw(0.9, 1.15) + lean * (self.y - 0.6)
        self.pixel = self.pixel / scale

    def paint(self, distance: Tensor, color: Tensor, where: Tensor | None = None) -> None:
        """Colour (N, 3, 1, 1) what has a negative distance (N, S, S), with a soft edge of a pixel."""
        mask = (0.5 - distance / self.pixel).clamp(0, 1)
        mask = mask if where is None else mask * where
        self.image = self.image + mask[:, None] * (color - self.image)

    def ellipse(
        self,
        center: tuple[float | Tensor, float | Tensor],
        radii: tuple[float | Tensor, float | Tensor],
        color: Tensor,
        where: Tensor | None = None,
        tilt: float = 0.0,
        taper: float = 0.0,
    ) -> None:
        """Paint an ellipse, tilted clockwise, and narrower towards its lower end with a ``taper``."""
        dx, dy = self.x - center[0], self.y - center[1]
        dx, dy = math.cos(tilt) * dx + math.sin(tilt) * dy, math.cos(tilt) * dy - math.sin(tilt) * dx
        radius = torch.hypot(dx / radii[0] / (1 - taper * dy).clamp(min=0.2), dy / radii[1])
        self.paint((radius - 1) * torch.minimum(torch.as_tensor(radii[0]), torch.as_tensor(radii[1])), color, where)

    def stroke(
        self,
        start: tuple[float, float],
        end: tuple[float | Tensor, float | Tensor],
        widths: tuple[float, float],
        color: Tensor,
        where: Tensor,
    ) -> None:
        """Paint a straight stroke that has one width at its start and another at its end."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        along = ((self.x - start[0]) * dx + (self.y - start[1]) * dy) / (dx * dx + dy * dy)
        along = along.clamp(0, 1)
        away = torch.hypot(self.x - start[0] - along * dx, self.y - start[1] - along * dy)
        self.paint(away - (widths[0] + (widths[1] - widths[0]) * along), color, where)

    def finish(self) -> Tensor:
        """Return the images with light from one side, and noise."""
        side = self.draw(0, 2 * math.pi)
        shade = self.draw(0.85, 1.1) + 0.12 * (side.cos() * self.x + side.sin() * self.y)
        noise = 0.025 * torch.randn(self.image.shape, generator=self.generator)
        return (self.image * shade[:, None] + noise).clamp(0, 1)


def _rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """Return the colours (N, 3, 1, 1) of hues, saturations and values (N, 1, 1) in [0, 1]."""
    k = (torch.tensor([5.0, 3.0, 1.0])[:, None, None] + 6 * hue[:, None]) % 6  # (N, 3, 1, 1)
    return value[:, None] * (1 - saturation[:, None] * torch.minimum(k, 4 - k).clamp(0, 1))


def _paint_sky(picture: _Picture) -> None:
    """Paint a sky of two colours, a moon and a few stars."""
    hue = picture.draw(0, 1)
    above = _rgb(hue, picture.draw(0.2, 0.7), picture.draw(0.1, 0.75))
    below = _rgb(hue + picture.draw(-0.2, 0.2), picture.draw(0.2, 0.7), picture.draw(0.2, 0.9))
    height = ((picture.y + 1) / 2)[:, None]  # (N, 1, S, S)
    picture.image = above + height * (below - above)
    for _ in range(6):
        bright = above + 0.5 * (1 - above)
        radius = picture.draw(0.02, 0.05)
        picture.ellipse((picture.draw(-1, 1), picture.draw(-1, 0.6)), (radius, radius), bright)
    radius = picture.draw(0.1, 0.35)
    moon = _rgb(picture.draw(0, 1), picture.draw(0.1, 0.5), picture.draw(0.5, 0.95))
    picture.ellipse((picture.draw(-1, 1), picture.draw(-1, 0)), (radius, radius), moon)


def _paint_alien(picture: _Picture, light: Tensor, where: Tensor) -> None:
    """Paint the head of an alien."""
    has_antennae = where & (picture.draw(0, 1) < 0.4)
    ink, glint = torch.full_like(light, 0.06), torch.full_like(light, 0.95)
    for side in (-1, 1):
        picture.stroke((0.14 * side, -0.6), (0.36 * side, -1.02), (0.045, 0.03), 0.8 * light, has_antennae)
        picture.ellipse((0.37 * side, -1.04), (0.085, 0.085), 0.5 + 0.5 * light, has_antennae)
    picture.ellipse((0, -0.12), (0.54, 0.72), light, where, taper=0.5)
    for side in (-1, 1):
        picture.ellipse((0.25 * side, -0.02), (0.22, 0.13), ink, where, tilt=-0.6 * side)
        picture.ellipse((0.25 * side + 0.07, -0.09), (0.05, 0.045), glint, where)
    picture.ellipse((0, 0.4), (0.1, 0.03), 0.4 * light, where)


def _paint_predator(picture: _Picture, light: Tensor, dark: Tensor, where: Tensor) -> None:
    """Paint the head of a predator."""
    length = picture.draw(0.35, 0.8)
    metal = _rgb(picture.draw(0, 1), picture.draw(0.05, 0.35), picture.draw(0.55, 0.9))
    glow = _rgb(picture.draw(0, 1), picture.draw(0.6, 0.9), picture.draw(0.9, 1))
    ink, bone = torch.full_like(light, 0.08), torch.full_like(light, 0.93)
    for side in (-1, 1):
        for i in range(4):
            start = (side * (0.2 + 0.09 * i), -0.52 + 0.1 * i)
            end = (side * (0.9 - 0.11 * i), length - 0.12 * (3 - i))
            picture.stroke(start, end, (0.1, 0.055), dark * (1 + 0.25 * (i % 2)), where)
    picture.ellipse((0, -0.22), (0.5, 0.46), light, where)
    picture.ellipse((0, -0.04), (0.4, 0.46), metal, where, taper=0.35)
    picture.stroke((0, -0.42), (0, 0.05), (0.025, 0.02), 0.6 * metal, where)
    for side in (-1, 1):
        picture.ellipse((0.18 * side, -0.06), (0.14, 0.085), ink, where, tilt=0.45 * side)
        picture.ellipse((0.17 * side, -0.05), (0.06, 0.045), glow, where)
        picture.stroke((0.2 * side, 0.3), (0.28 * side, 0.55), (0.06, 0.02), bone, where)
        picture.stroke((0.08 * side, 0.36), (0.07 * side, 0.58), (0.05, 0.015), bone, where)
