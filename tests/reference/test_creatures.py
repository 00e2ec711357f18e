"""The drawn aliens and predators: what the docstring promises, the colours, and what gives a class away."""

import colorsys

import pytest
import torch
from torch import Generator, Tensor

from reference.creatures import CLASSES, _Picture, _rgb, creatures


def seeded(seed: int) -> Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def many() -> tuple[Tensor, Tensor]:
    return creatures(1200, size=16, generator=seeded(0))


def right_of_a_linear_classifier(features: Tensor, labels: Tensor) -> float:
    """Fit two thirds by least squares, with a small ridge, and return how much of the last third is right."""
    columns = torch.cat([features, torch.ones(len(features), 1)], dim=1).double()
    cut = 2 * len(columns) // 3
    known, signs = columns[:cut], 2.0 * labels[:cut].double() - 1
    ridge = 0.1 * torch.eye(columns.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(known.T @ known + ridge, known.T @ signs)
    return float(((columns[cut:] @ weights > 0) == labels[cut:].bool()).double().mean())


@pytest.mark.parametrize(("num", "size"), [(5, 32), (1, 8), (3, 21), (2, 64), (0, 32)])
def test_shapes_dtypes_and_range(num: int, size: int) -> None:
    images, labels = creatures(num, size=size, generator=seeded(1))
    assert images.shape == (num, 3, size, size)
    assert images.dtype == torch.float32
    assert labels.shape == (num,)
    assert labels.dtype == torch.int64
    assert bool(((images >= 0) & (images <= 1)).all())
    assert set(labels.tolist()) <= set(range(len(CLASSES)))


def test_the_generator_decides_everything() -> None:
    before = torch.get_rng_state()
    images, labels = creatures(4, generator=seeded(3))
    same_images, same_labels = creatures(4, generator=seeded(3))
    assert torch.equal(images, same_images)
    assert torch.equal(labels, same_labels)
    assert not torch.equal(images, creatures(4, generator=seeded(4))[0])
    assert torch.equal(torch.get_rng_state(), before)


def test_one_generator_goes_on() -> None:
    generator = seeded(3)
    first, second = creatures(4, generator=generator)[0], creatures(4, generator=generator)[0]
    assert not torch.equal(first, second)


def test_without_a_generator_the_global_one_decides() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        images, _ = creatures(3)
        torch.manual_seed(5)
        assert torch.equal(creatures(3)[0], images)


@pytest.mark.parametrize(("num", "size"), [(-1, 32), (2, 7)])
def test_refused(num: int, size: int) -> None:
    with pytest.raises(ValueError, match=f"got {num} and {size}"):
        creatures(num, size=size)


def test_classes_are_equally_likely(many: tuple[Tensor, Tensor]) -> None:
    assert 0.45 < float(many[1].double().mean()) < 0.55


def test_images_vary(many: tuple[Tensor, Tensor]) -> None:
    """No two images are alike: their colours differ by far more than the noise."""
    images, labels = many
    for label in range(len(CLASSES)):
        distances = torch.pdist(images[labels == label][:100].flatten(1)) / (3 * 16 * 16) ** 0.5
        assert float(distances.min()) > 0.05


def test_the_mean_colour_is_not_enough(many: tuple[Tensor, Tensor]) -> None:
    images, labels = many
    mean, spread = images.mean(dim=(2, 3)), images.std(dim=(2, 3))
    assert right_of_a_linear_classifier(torch.cat([mean, mean.square()], dim=1), labels) < 0.65
    assert right_of_a_linear_classifier(torch.cat([mean, spread], dim=1), labels) < 0.8


def test_the_shapes_are_enough(many: tuple[Tensor, Tensor]) -> None:
    images, labels = many
    assert right_of_a_linear_classifier(images.mean(dim=1).flatten(1), labels) > 0.85


def test_colours_are_those_of_the_standard_library() -> None:
    values = torch.rand(3, 50, 1, 1, generator=seeded(6), dtype=torch.float64)
    colors = _rgb(*values)[:, :, 0, 0]
    expected = [colorsys.hsv_to_rgb(*hsv) for hsv in values[:, :, 0, 0].T.tolist()]
    torch.testing.assert_close(colors, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("tilt", [0.0, 0.5])
def test_an_ellipse_has_its_area(tilt: float) -> None:
    picture = _Picture(1, 200, seeded(7))
    picture.ellipse((0.1, -0.1), (0.6, 0.3), torch.ones(1, 3, 1, 1), tilt=tilt)
    assert float(4 * picture.image.mean()) == pytest.approx(torch.pi * 0.6 * 0.3, rel=0.01)


def test_a_stroke_has_its_area() -> None:
    picture = _Picture(1, 200, seeded(8))
    everywhere = torch.ones(1, 1, 1, dtype=torch.bool)
    picture.stroke((-0.5, 0.0), (0.5, 0.0), (0.1, 0.1), torch.ones(1, 3, 1, 1), everywhere)
    assert float(4 * picture.image.mean()) == pytest.approx(1.0 * 0.2 + torch.pi * 0.1**2, rel=0.01)
