"""Detection against values a person can compute, PyTorch's losses, torchvision's boxes and MONAI's suppression."""

import itertools
import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch
import torchvision.ops
from torch import Generator, Tensor
from torch.nn import functional as F

from reference import detection
from reference.detection import (
    BOX_FORMATS,
    CLASS_ACTIVATIONS,
    LOCALIZATION_LOSSES,
    batched_nms,
    box_area,
    box_convert,
    classification_localization_loss,
    clip_boxes_to_image,
    decode_predictions,
    encode_targets,
    grid_detection_loss,
    localization_loss,
    nms,
)

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]

ONE_BOX = {"xyxy": (10, 20, 50, 80), "xywh": (10, 20, 40, 60), "cxcywh": (30, 50, 40, 60), "xxyy": (10, 50, 20, 80)}

# six boxes in three places; the IoUs are 81/119 (0-1 and 3-4), 1/2 (0-2) and 36/114 (1-2)
NMS_BOXES = torch.tensor(
    [[0, 0, 10, 10], [1, 1, 11, 11], [0, 0, 10, 5], [20, 20, 30, 30], [21, 21, 31, 31], [100, 100, 110, 110]],
    dtype=torch.float64,
)
NMS_SCORES = torch.tensor([0.6, 0.9, 0.8, 0.5, 0.95, 0.1], dtype=torch.float64)
NMS_CLASSES = torch.tensor([0, 0, 0, 1, 0, 1])

# one image, 2 x 2 cells, 2 slots, 3 classes; two rows of text for each slot
RAW = """
    -2.310411800234176    -0.3732508612577643   -1.0608166785462863    0.9995093547811761
    -0.8840250045832653   -1.2755469302148053   -0.623224579866079    -0.8664416019125772
    -1.2956271403277857    1.52363162310635      0.3236605664983738    2.0177260314861085
     1.1357423400213507   -1.226881339001083     0.07138847120511693   0.3380174030507378
     0.15351883531544036  -0.6332746088675096   -1.2609246557194385   -0.726951062065411
    -0.019964750907762653  0.2102998901016947    0.17718935139366584  -0.830510051008449
     1.0111892074660187   -0.2426793824588577   -0.7730112772958181   -1.5951814880783068
    -0.6870036940435463    1.4880743158106724   -0.4484158047114511   -0.8910030351707375
    -0.09174174090816388   0.5563227724483105   -0.009446277892507904 -1.21768777910687
    -1.2654653080284903   -1.1195351830271254    1.1664857205254855    0.9262324572968778
     0.6539244967350809    0.14821544548810084  -1.1461092231976013    1.8727763768553416
    -0.30991497424174674   0.24018023403782535  -1.3487610270963772    0.2443990933828689
    -3.1452962731231335   -0.11373127757597257   1.6962024805143952   -0.6652034805381666
    -0.587222598359879     2.832104167511146     0.9039973689601122    0.947836532432321
    -1.3809366518587674   -2.0547510174380235    0.04757655385024031  -0.3855687975933702
    -0.27503491919216155   0.886589630091246     1.4857416299332185   -0.007855617400547969
"""
GRID_PRED = torch.tensor([float(word) for word in RAW.split()], dtype=torch.float64).reshape(1, 2, 2, 2, 8)
GRID_OBJECTS = {(0, 1, 0): (2, (0.5, 0.9, 0.1, 0.4)), (1, 0, 1): (0, (0.1, 0.3, 0.6, 0.95))}


def boxes(*rows: tuple[float, ...], dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(rows, dtype=dtype).reshape(-1, 4)


def normal(generator: Generator, *shape: int, scale: float = 1.0) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64) * scale


def uniform(generator: Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def integers(generator: Generator, high: int, *shape: int) -> Tensor:
    return torch.randint(0, high, shape, generator=generator)


def number(generator: Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high, (), generator=generator))


def random_boxes(generator: Generator, n: int, size: float = 100.0) -> Tensor:
    corners = uniform(generator, n, 2, 2) * size - size / 4  # (n, 2, 2)
    return torch.cat([corners.amin(dim=1), corners.amax(dim=1)], dim=1)  # (n, 4)


def close(actual: Tensor, expected: Tensor | float | list[Any], tolerance: float = 1e-12) -> None:
    expected = torch.as_tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(actual.to(torch.float64), expected, rtol=tolerance, atol=tolerance)


def grid_targets() -> tuple[Tensor, Tensor, Tensor]:
    obj, cls = torch.zeros(1, 2, 2, 2, dtype=torch.float64), torch.zeros(1, 2, 2, 2, dtype=torch.int64)
    box = torch.zeros(1, 2, 2, 2, 4, dtype=torch.float64)
    for slot, (label, coordinates) in GRID_OBJECTS.items():
        obj[0][slot], cls[0][slot], box[0][slot] = 1, label, torch.tensor(coordinates, dtype=torch.float64)
    return obj, cls, box


def random_grid(
    generator: Generator, N: int, S: int, B: int, C: int, share: float = 0.4
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return raw predictions and targets; what empty slots hold for class and box is arbitrary, but in range."""
    pred = normal(generator, N, S, S, B, 1 + C + 4, scale=2.0)
    obj = (uniform(generator, N, S, S, B) < share).to(torch.float64)
    return pred, obj, integers(generator, C, N, S, S, B), uniform(generator, N, S, S, B, 4)


# ---------------------------------------------------------------------------------------------- hand-computed values


@pytest.mark.parametrize(("in_fmt", "out_fmt"), list(itertools.product(BOX_FORMATS, BOX_FORMATS)))
def test_one_box_in_all_four_formats(in_fmt: str, out_fmt: str) -> None:
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int16, torch.uint8):
        rows = boxes(ONE_BOX[in_fmt], dtype=dtype)
        converted = box_convert(rows, in_fmt, out_fmt)
        assert converted.tolist() == [list(ONE_BOX[out_fmt])]
        is_centred = "cxcywh" in (in_fmt, out_fmt)
        assert converted.dtype == (torch.float32 if is_centred and not dtype.is_floating_point else dtype)


def test_a_centre_of_whole_pixels_may_be_a_half() -> None:
    assert box_convert(torch.tensor([[0, 0, 3, 5]]), "xyxy", "cxcywh").tolist() == [[1.5, 2.5, 3.0, 5.0]]
    assert box_convert(torch.tensor([[2, 3, 3, 5]]), "cxcywh", "xyxy").tolist() == [[0.5, 0.5, 3.5, 5.5]]
    assert box_convert(torch.tensor([[0, 3, 0, 5]]), "xxyy", "cxcywh").tolist() == [[1.5, 2.5, 3.0, 5.0]]


def test_a_box_read_in_the_wrong_format_has_another_area() -> None:
    xxyy = boxes(ONE_BOX["xxyy"])
    assert box_area(box_convert(xxyy, "xxyy", "xyxy")).item() == 2400
    assert box_area(xxyy).item() == 300  # the lecture's order taken for two corners: 20 - 10 times 80 - 50


def test_a_box_that_leaves_the_image_ends_at_its_border() -> None:
    rows = boxes((-5, 10, 250, 120), (10, -20, 20, -10), (0, 0, 200, 100), (200, 100, 300, 300))
    expected = [[0, 10, 200, 100], [10, 0, 20, 0], [0, 0, 200, 100], [200, 100, 200, 100]]
    assert clip_boxes_to_image(rows, (100, 200)).tolist() == expected
    assert box_area(clip_boxes_to_image(rows, (100, 200))).tolist() == [200 * 90, 0, 200 * 100, 0]


def test_regression_losses_of_one_box() -> None:
    pred, target = boxes((0.2, 0.6, 0.1, 0.5)), boxes((0.25, 0.65, 0.2, 0.5))
    for kind, value in {"se": 0.015, "l1": 0.2, "smooth_l1": 0.0075}.items():
        for reduction in ("none", "sum", "mean"):
            expected = [value] if reduction == "none" else value
            close(localization_loss(pred, target, kind, reduction), expected)
    assert localization_loss(pred, target).item() == pytest.approx(0.015)


def test_smooth_l1_is_a_parabola_up_to_one_and_a_line_beyond() -> None:
    pred = boxes((0.5, 1, 2, -3), (-0.5, -1, -2, 0))
    assert localization_loss(pred, torch.zeros_like(pred), "smooth_l1", "none").tolist() == [4.625, 2.125]
    assert localization_loss(pred, torch.zeros_like(pred), "se", "none").tolist() == [14.25, 5.25]
    assert localization_loss(pred, torch.zeros_like(pred), "l1", "none").tolist() == [6.5, 3.5]
    assert localization_loss(pred, torch.zeros_like(pred), "l1", "sum").item() == 10
    assert localization_loss(pred, torch.zeros_like(pred), "l1", "mean").item() == 5


@pytest.mark.parametrize(
    ("lam", "kind", "expected"),
    [(1, "se", 0.4226059645), (5, "se", 0.4826059645), (1, "l1", 0.6076059645), (1, "smooth_l1", 0.4151059645)],
)
def test_class_and_box_of_one_object(lam: float, kind: str, expected: float) -> None:
    output = torch.tensor([[2, 1, 0, 0.2, 0.6, 0.1, 0.5]], dtype=torch.float64)
    loss = classification_localization_loss(output, torch.tensor([0]), boxes((0.25, 0.65, 0.2, 0.5)), lam, kind)
    close(loss, expected, 6e-11)


def test_class_and_box_are_each_averaged_over_the_images() -> None:
    output = torch.tensor([[2, 1, 0, 0.2, 0.6, 0.1, 0.5], [0, 0, 0, 0.25, 0.65, 0.2, 0.5]], dtype=torch.float64)
    box_target = boxes((0.25, 0.65, 0.2, 0.5)).expand(2, 4)
    loss = classification_localization_loss(output, torch.tensor([0, 2]), box_target, lam=3.0)
    close(loss, (0.40760596444438 + math.log(3)) / 2 + 3 * 0.015 / 2)


def test_the_object_is_in_the_row_of_its_y_and_the_column_of_its_x() -> None:
    obj, cls, box = encode_targets(boxes((0.5, 0.9, 0.1, 0.4)), torch.tensor([2]), 2, 1, 3, (1, 1))
    assert obj.nonzero().tolist() == [[0, 1, 0]]  # [1, 0, 0] with rows and columns swapped
    assert cls[0, 1, 0] == 2
    assert box[0, 1, 0].tolist() == [0.5, 0.9, 0.1, 0.4]


def test_the_targets_of_a_wide_image_are_fractions_of_its_width_and_its_height() -> None:
    rows = torch.tensor([[100, 180, 10, 40], [20, 60, 60, 95], [120, 160, 20, 30], [0, 200, 0, 100]])
    obj, cls, box = encode_targets(rows, torch.tensor([2, 0, 1, 1]), 2, 2, 3, (100, 200))
    assert obj.tolist() == [[[0, 0], [1, 1]], [[1, 0], [1, 0]]]
    assert cls.tolist() == [[[0, 0], [2, 1]], [[0, 0], [1, 0]]]
    assert obj.dtype == box.dtype == torch.float32
    assert cls.dtype == torch.int64
    expected = torch.zeros(2, 2, 2, 4)
    expected[0, 1, 0] = torch.tensor([0.5, 0.9, 0.1, 0.4])
    expected[0, 1, 1] = torch.tensor([0.6, 0.8, 0.2, 0.3])
    expected[1, 0, 0] = torch.tensor([0.1, 0.3, 0.6, 0.95])
    expected[1, 1, 0] = torch.tensor([0.0, 1.0, 0.0, 1.0])
    assert torch.equal(box, expected)


def test_objects_take_the_slots_of_a_cell_in_order() -> None:
    rows = boxes((1, 2, 1, 2), (6, 8, 6, 8), (2, 3, 2, 3), (0, 1, 0, 1))
    obj, cls, _ = encode_targets(rows, torch.tensor([3, 4, 1, 2]), 2, 3, 5, (10, 10))
    assert cls[0, 0].tolist() == [3, 1, 2]
    assert obj.tolist() == [[[1, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 0, 0]]]


def test_a_raw_prediction_becomes_a_box_in_pixels() -> None:
    fractions = torch.tensor([0.495, 0.5525, 0.544, 0.304], dtype=torch.float64)
    raw = torch.cat([torch.tensor([2.0, 1.0, 2.0, 3.0], dtype=torch.float64), fractions.logit()])  # (8,)
    conf, probs, rows = decode_predictions(raw.reshape(1, 1, 1, 1, 8), (100, 200))
    close(conf.flatten(), [1 / (1 + math.exp(-2))])
    close(probs.flatten(), [0.0900305731703805, 0.2447284710547976, 0.6652409557748219])
    close(rows.flatten(), [99.0, 110.5, 54.4, 30.4])  # [99, 55.2, 108.8, 30.4] if scaled by W, H, W, H
    _, probs, _ = decode_predictions(raw.reshape(1, 1, 1, 1, 8), (100, 200), "sigmoid")
    close(probs.flatten(), [1 / (1 + math.exp(-z)) for z in (1, 2, 3)])


def test_the_four_terms_of_the_grid_loss() -> None:
    obj, cls, box = grid_targets()
    assert grid_detection_loss(GRID_PRED, obj, cls, box).item() == pytest.approx(7.3334611456, abs=6e-11)
    without_box = grid_detection_loss(GRID_PRED, obj, cls, box, lam_box=0)
    close(without_box, 3.6107421021 + 2.9167054582, 1e-10)
    close(grid_detection_loss(GRID_PRED, obj, cls, box, lam_box=2) - without_box, 2 * 0.8060135853, 1e-9)
    without_noobj = grid_detection_loss(GRID_PRED, obj, cls, box, lam_noobj=0)
    close(without_noobj, 4.760761, 1e-6)
    half = grid_detection_loss(GRID_PRED, obj, cls, box, lam_noobj=0.5)
    close(half, (without_noobj + 7.3334611456) / 2, 1e-10)


def test_an_image_without_objects_has_a_confidence_term_only() -> None:
    obj, cls, box = grid_targets()
    loss = grid_detection_loss(GRID_PRED, torch.zeros_like(obj), cls, box, lam_box=7)
    close(loss, float(GRID_PRED[..., 0].exp().log1p().sum()))


def test_a_background_slot_moves_its_confidence_and_nothing_else() -> None:
    pred = GRID_PRED.clone().requires_grad_()
    grid_detection_loss(pred, *grid_targets()).backward()  # type: ignore[no-untyped-call]
    assert pred.grad is not None
    conf, classes, box = pred.grad[..., 0], pred.grad[..., 1:4], pred.grad[..., 4:]
    assert int((conf != 0).sum()) == 8
    assert (classes != 0).any(dim=-1).nonzero()[:, 1:].tolist() == [[0, 1, 0], [1, 0, 1]]
    assert (box != 0).any(dim=-1).nonzero()[:, 1:].tolist() == [[0, 1, 0], [1, 0, 1]]
    obj = grid_targets()[0]
    close(conf.detach(), (GRID_PRED[..., 0].sigmoid() - obj).tolist())


@pytest.mark.parametrize(
    ("iou_threshold", "keep"), [(0.3, [4, 1, 5]), (0.5, [4, 1, 2, 5]), (0.7, [4, 1, 2, 0, 3, 5]), (0.0, [4, 1, 5])]
)
def test_suppression_of_six_boxes(iou_threshold: float, keep: list[int]) -> None:
    for dtype in (torch.float64, torch.float32, torch.float16, torch.int64, torch.uint8):
        assert nms(NMS_BOXES.to(dtype), NMS_SCORES.float(), iou_threshold).tolist() == keep


def test_suppression_per_class() -> None:
    assert batched_nms(NMS_BOXES, NMS_SCORES, NMS_CLASSES, 0.5).tolist() == [4, 1, 2, 3, 5]
    assert batched_nms(NMS_BOXES, NMS_SCORES, torch.zeros(6, dtype=torch.int64), 0.5).tolist() == [4, 1, 2, 5]


def test_a_suppressed_box_suppresses_nothing() -> None:
    chain = boxes((0, 0, 10, 1), (4, 0, 14, 1), (8, 0, 18, 1))  # neighbours 6/14, the ends 2/18
    assert nms(chain, torch.tensor([0.9, 0.8, 0.7]), 0.4).tolist() == [0, 2]
    assert nms(chain, torch.tensor([0.8, 0.9, 0.7]), 0.4).tolist() == [1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_an_iou_equal_to_the_threshold_does_not_suppress(dtype: torch.dtype) -> None:
    for percent in range(0, 101, 5):
        pair, scores = boxes((0, 0, 100, 1), (0, 0, percent, 1), dtype=dtype), torch.tensor([0.9, 0.8])
        assert nms(pair, scores, percent / 100).tolist() == [0, 1]
        assert batched_nms(pair, scores, torch.zeros(2, dtype=torch.int64), percent / 100).tolist() == [0, 1]
        if percent:
            assert nms(pair, scores, math.nextafter(percent / 100, 0)).tolist() == [0]


@pytest.mark.parametrize(
    ("fmt", "first", "second", "iou"),
    [
        ("xxyy", (10, 50, 20, 80), (20, 60, 30, 90), 1500 / 3300),
        ("xywh", (10, 20, 40, 60), (20, 30, 30, 40), 1200 / 2400),
    ],
)
def test_suppression_after_conversion_sees_the_iou_of_the_true_boxes(
    fmt: str, first: tuple[float, ...], second: tuple[float, ...], iou: float
) -> None:
    pair = box_convert(boxes(first, second), fmt, "xyxy")
    assert nms(pair, torch.tensor([0.9, 0.8]), iou).tolist() == [0, 1]
    assert nms(pair, torch.tensor([0.9, 0.8]), math.nextafter(iou, 0)).tolist() == [0]


# -------------------------------------------------------------------------------------------------------- properties


def test_conversions_are_consistent_and_come_back() -> None:
    generator = Generator().manual_seed(0)
    for _ in range(50):
        rows = (random_boxes(generator, number(generator, 0, 6)) * 8).round() / 8  # exact in every format
        for a, b, c in itertools.product(BOX_FORMATS, repeat=3):
            start = box_convert(rows, "xyxy", a)
            assert torch.equal(box_convert(box_convert(start, a, b), b, c), box_convert(start, a, c))
            assert torch.equal(box_convert(box_convert(start, a, b), b, a), start)


def test_the_order_of_the_lecture_is_a_permutation_that_is_its_own_inverse() -> None:
    rows = normal(Generator().manual_seed(1), 30, 4)
    assert torch.equal(box_convert(rows, "xyxy", "xxyy"), rows[:, [0, 2, 1, 3]])
    assert torch.equal(box_convert(rows, "xxyy", "xyxy"), rows[:, [0, 2, 1, 3]])


def test_an_inverted_box_is_not_reordered() -> None:
    rows = boxes((50, 80, 10, 20), (10, 80, 50, 20))
    assert box_convert(rows, "xyxy", "xywh").tolist() == [[50, 80, -40, -60], [10, 80, 40, -60]]
    assert torch.equal(box_convert(box_convert(rows, "xyxy", "cxcywh"), "cxcywh", "xyxy"), rows)
    assert torch.equal(clip_boxes_to_image(rows, (100, 100)), rows)
    assert box_area(rows).tolist() == [0, 0]


def test_areas_scale_with_the_square_and_do_not_move() -> None:
    rows = random_boxes(Generator().manual_seed(2), 50).round()
    assert torch.equal(box_area(rows * 4), box_area(rows) * 16)
    assert torch.equal(box_area(rows + 17), box_area(rows))
    sizes = box_convert(rows, "xyxy", "xywh")[:, 2:]
    assert torch.equal(box_area(rows), sizes[:, 0] * sizes[:, 1])


def test_clipping_is_the_intersection_with_the_image_and_idempotent() -> None:
    rows = random_boxes(Generator().manual_seed(3), 200).round()
    clipped = clip_boxes_to_image(rows, (40, 60))
    assert torch.equal(clip_boxes_to_image(clipped, (40, 60)), clipped)
    image = torchvision.ops.box_iou(rows, boxes((0, 0, 60, 40))).squeeze(1)  # (200,)
    union = box_area(rows) + 2400 - box_area(clipped)
    close(box_area(clipped) / union, image.tolist())


def test_the_mean_loss_is_the_mean_of_the_losses() -> None:
    generator = Generator().manual_seed(4)
    for n, kind in itertools.product(range(1, 6), LOCALIZATION_LOSSES):
        pred, target = normal(generator, n, 4, scale=2.0), normal(generator, n, 4)
        each = localization_loss(pred, target, kind, "none")
        assert each.shape == (n,)
        close(localization_loss(pred, target, kind, "sum"), float(each.sum()))
        close(localization_loss(pred, target, kind), float(each.mean()))
        assert torch.equal(localization_loss(pred, target, kind), localization_loss(pred, target, kind, "mean"))
        assert torch.equal(localization_loss(target, pred, kind, "none"), each)
        assert localization_loss(pred, pred, kind) == 0
        xyxy = [box_convert(rows, "xxyy", "xyxy") for rows in (pred, target)]  # any order, if both have it
        close(localization_loss(xyxy[0], xyxy[1], kind), float(each.mean()))


def test_lam_weighs_the_box_term_only() -> None:
    generator = Generator().manual_seed(5)
    for kind in LOCALIZATION_LOSSES:
        output, labels, rows = normal(generator, 7, 9), integers(generator, 5, 7), normal(generator, 7, 4)
        values = [float(classification_localization_loss(output, labels, rows, lam, kind)) for lam in (0, 1, 2, 5)]
        box = float(localization_loss(output[:, 5:], rows, kind))
        assert values == pytest.approx([values[0] + lam * box for lam in (0, 1, 2, 5)])
        assert classification_localization_loss(output, labels, rows, kind=kind).item() == values[1]
        moved = torch.cat([output[:, :5] + 3.5, output[:, 5:]], dim=1)  # softmax does not see a constant
        close(classification_localization_loss(moved, labels, rows, 2, kind), values[2])
    assert classification_localization_loss(output, labels, rows) == classification_localization_loss(
        output, labels, rows, 1.0, "se"
    )


def test_the_cell_of_whole_pixels_is_exact() -> None:
    for seed in range(300):
        generator = Generator().manual_seed(seed)
        S, H, W = (number(generator, 1, 120) for _ in range(3))
        x1, y1 = number(generator, 0, W), number(generator, 0, H)
        x2, y2 = number(generator, x1, W + 1), number(generator, y1, H + 1)
        obj, cls, box = encode_targets(torch.tensor([[x1, x2, y1, y2]]), torch.tensor([1]), S, 1, 2, (H, W))
        row = min(math.floor(Fraction(S * (y1 + y2), 2 * H)), S - 1)
        column = min(math.floor(Fraction(S * (x1 + x2), 2 * W)), S - 1)
        assert obj.nonzero().tolist() == [[row, column, 0]]
        assert cls.nonzero().tolist() == [[row, column, 0]]
        close(box[row, column, 0], [x1 / W, x2 / W, y1 / H, y2 / H], 1e-6)
    assert math.floor(29 / 100 * 100) == 28  # the order of the operations matters
    obj, _, _ = encode_targets(torch.tensor([[29, 29, 58, 58]]), torch.tensor([0]), 100, 1, 1, (100, 100))
    assert obj.nonzero().tolist() == [[58, 29, 0]]


def test_every_object_is_found_in_the_grid_or_refused() -> None:
    refused = 0
    for seed in range(200):
        generator = Generator().manual_seed(seed)
        S, B, C, G = (number(generator, 1, high) for high in (5, 4, 5, 9))
        H, W = number(generator, 10, 300), number(generator, 10, 300)
        rows = box_convert(uniform(generator, G, 2, 2).sort(dim=1).values.flatten(1), "xyxy", "xxyy")  # (G, 4)
        rows = rows * torch.tensor([W, W, H, H])
        labels = integers(generator, C, G)
        cells: dict[tuple[int, int], list[int]] = {}
        for g, (x1, x2, y1, y2) in enumerate(rows.tolist()):
            cells.setdefault((int(S * (y1 + y2) / 2 / H), int(S * (x1 + x2) / 2 / W)), []).append(g)
        if max(map(len, cells.values())) > B:
            refused += 1
            with pytest.raises(ValueError, match=f"^encode_targets: expected at most {B} centres in cell"):
                encode_targets(rows, labels, S, B, C, (H, W))
            continue
        obj, cls, box = encode_targets(rows, labels, S, B, C, (H, W))
        assert obj.shape == cls.shape == (S, S, B)
        assert box.shape == (S, S, B, 4)
        assert int(obj.sum()) == G
        assert (obj[..., :-1] >= obj[..., 1:]).all()  # the first slots are taken first
        for cell, members in cells.items():
            assert cls[cell][: len(members)].tolist() == labels[members].tolist()
            close(box[cell][: len(members)] * torch.tensor([W, W, H, H]), rows[members].tolist())
        assert (box[obj == 0] == 0).all()
        assert (cls[obj == 0] == 0).all()
    assert 20 < refused < 180


def test_decoding_undoes_encoding_and_a_perfect_prediction_costs_nothing() -> None:
    for seed in range(50):
        generator = Generator().manual_seed(seed)
        H, W = number(generator, 20, 300), number(generator, 20, 300)
        rows = uniform(generator, 3, 2, 2).sort(dim=2).values.flatten(1) * torch.tensor([W, W, H, H])  # xxyy
        labels = integers(generator, 4, 3)
        obj, cls, box = encode_targets(rows, labels, 3, 3, 4, (H, W))
        pred = torch.cat(
            [(obj * 200 - 100)[..., None], F.one_hot(cls, 4) * 100.0, box.where(box > 0, 0.5).logit()], dim=-1
        )[None]  # (1, 3, 3, 3, 9)
        conf, probs, decoded = decode_predictions(pred, (H, W))
        is_object = conf[0] > 0.5
        assert torch.equal(is_object, obj == 1)
        found = torch.cat([probs[0][is_object].argmax(dim=1, keepdim=True), decoded[0][is_object]], dim=1)  # (3, 5)
        expected = torch.cat([labels[:, None], rows], dim=1)  # (3, 5)
        close(found[found[:, 1].argsort()], expected[expected[:, 1].argsort()].tolist(), 1e-10)
        loss = grid_detection_loss(pred, obj[None], cls[None], box[None])
        assert 0 <= loss < 1e-12


def test_probabilities_of_the_grid() -> None:
    pred = normal(Generator().manual_seed(6), 2, 3, 3, 2, 9, scale=3.0)
    for activation in CLASS_ACTIVATIONS:
        conf, probs, rows = decode_predictions(pred, (48, 64), activation)
        assert conf.shape == (2, 3, 3, 2)
        assert probs.shape == (2, 3, 3, 2, 4)
        assert rows.shape == (2, 3, 3, 2, 4)
        assert ((conf > 0) & (conf < 1)).all()
        assert ((rows > 0) & (rows < torch.tensor([64, 64, 48, 48]))).all()
        assert torch.equal(probs.argmax(dim=-1), pred[..., 1:5].argmax(dim=-1))
        assert torch.allclose(probs.sum(dim=-1), conf.new_ones(())) == (activation == "softmax")
    assert (rows[..., 1] < rows[..., 0]).any()  # independent coordinates are not reordered
    default = decode_predictions(pred, (48, 64))
    assert all(map(torch.equal, default, decode_predictions(pred, (48, 64), "softmax")))


def test_the_length_of_a_slot_is_confidence_classes_and_box() -> None:
    for num_classes in range(1, 6):
        _, probs, _ = decode_predictions(torch.zeros(1, 2, 2, 2, 1 + num_classes + 4), (1, 1))
        assert probs.shape[-1] == num_classes
    assert torch.zeros(1, 2, 2, 2, 1 + 3 + 4).numel() == 64  # YOLO shares the classes of a cell: 2 * 2 * (2 * 5 + 3)


def test_the_grid_loss_is_the_mean_over_images_and_blind_to_the_order_of_slots() -> None:
    for seed in range(30):
        generator = Generator().manual_seed(seed)
        N, S, B, C = (number(generator, 1, 5) for _ in range(4))
        pred, obj, cls, box = random_grid(generator, N, S, B, C)
        loss = grid_detection_loss(pred, obj, cls, box, 5.0, 0.5)
        alone = [grid_detection_loss(pred[[n]], obj[[n]], cls[[n]], box[[n]], 5.0, 0.5) for n in range(N)]
        close(loss, float(torch.stack(alone).mean()))
        order = torch.randperm(S, generator=generator)
        pred, obj, cls, box = (tensor[:, order].flip(2, 3) for tensor in (pred, obj, cls, box))
        close(grid_detection_loss(pred, obj, cls, box, 5.0, 0.5), float(loss))


def test_what_empty_slots_hold_for_class_and_box_is_never_looked_at() -> None:
    generator = Generator().manual_seed(7)
    pred, obj, cls, box = random_grid(generator, 2, 3, 2, 4)
    pred.requires_grad_()
    loss = grid_detection_loss(pred, obj, cls, box)
    strange_cls, strange_box = cls.where(obj == 1, -1), box.where(obj[..., None] == 1, math.nan)
    again = grid_detection_loss(pred, obj, strange_cls, strange_box)
    assert torch.equal(loss, again)
    gradients = [torch.autograd.grad(value, pred)[0] for value in (loss, again)]
    assert torch.equal(gradients[0], gradients[1])
    assert gradients[0].isfinite().all()


def test_suppression_depends_on_the_order_of_the_scores_only() -> None:
    for seed in range(60):
        generator = Generator().manual_seed(seed)
        n = number(generator, 1, 25)
        rows, scores = random_boxes(generator, n), uniform(generator, n)
        keep = nms(rows, scores, 0.3)
        assert torch.equal(nms(rows, 5 * scores - 9, 0.3), keep)
        assert torch.equal(nms(rows * 4 + 16, scores, 0.3), keep)
        order = torch.randperm(n, generator=generator)
        assert torch.equal(order[nms(rows[order], scores[order], 0.3)], keep)
        assert torch.equal(keep[nms(rows[keep], scores[keep], 0.3)], keep)  # idempotent
        assert (scores[keep].diff() < 0).all()


def test_kept_boxes_do_not_overlap_and_every_other_box_overlaps_a_better_one() -> None:
    for seed in range(100):
        generator = Generator().manual_seed(seed)
        n, iou_threshold = number(generator, 1, 30), float(uniform(generator))
        rows, scores = random_boxes(generator, n, 20).round(), integers(generator, 8, n) / 8
        keep = nms(rows, scores, iou_threshold).tolist()
        iou = torchvision.ops.box_iou(rows, rows).nan_to_num(0.0)  # (n, n)
        for i in range(n):
            better = [k for k in keep if (scores[k], -k) > (scores[i], -i)]
            assert (i in keep) == all(iou[k, i] <= iou_threshold for k in better)


def test_groups_are_suppressed_each_by_itself() -> None:
    for seed in range(60):
        generator = Generator().manual_seed(seed)
        n = number(generator, 1, 30)
        rows, scores, idxs = random_boxes(generator, n), uniform(generator, n), integers(generator, 4, n) * 7 - 9
        keep = batched_nms(rows, scores, idxs, 0.2)
        of_groups = [m[nms(rows[m], scores[m], 0.2)] for m in ((idxs == g).nonzero()[:, 0] for g in set(idxs.tolist()))]
        assert sorted(keep.tolist()) == sorted(torch.cat(of_groups).tolist())
        assert (scores[keep].diff() < 0).all()
        assert torch.equal(batched_nms(rows, scores, torch.full((n,), 3), 0.2), nms(rows, scores, 0.2))
        alone = batched_nms(rows, scores, torch.arange(n), 0.2)
        assert torch.equal(alone, scores.argsort(descending=True))


def test_images_of_a_batch_do_not_suppress_each_other() -> None:
    rows, scores = NMS_BOXES.repeat(2, 1), torch.cat([NMS_SCORES, NMS_SCORES / 2])
    image = torch.arange(2).repeat_interleave(6)
    keep = batched_nms(rows, scores, image * 2 + NMS_CLASSES.repeat(2), 0.5)
    assert [i for i in keep.tolist() if i < 6] == [4, 1, 2, 3, 5]
    assert [i - 6 for i in keep.tolist() if i >= 6] == [4, 1, 2, 3, 5]
    assert batched_nms(rows, scores, NMS_CLASSES.repeat(2), 0.5).tolist() == [4, 1, 2, 3, 5]


def test_gradients_are_the_differences_that_gradcheck_measures() -> None:
    generator = Generator().manual_seed(8)
    rows = random_boxes(generator, 5).requires_grad_()
    for in_fmt, out_fmt in itertools.product(BOX_FORMATS, BOX_FORMATS):
        assert torch.autograd.gradcheck(lambda x, a=in_fmt, b=out_fmt: box_convert(x, a, b), (rows,))
    assert torch.autograd.gradcheck(box_area, (rows,))
    assert torch.autograd.gradcheck(lambda x: clip_boxes_to_image(x, (40, 60)), (rows,))
    pred, target = normal(generator, 6, 4, scale=2.0), normal(generator, 6, 4)
    for kind, reduction in itertools.product(LOCALIZATION_LOSSES, ("none", "sum", "mean")):
        inputs = (pred.clone().requires_grad_(), target.clone().requires_grad_())
        assert torch.autograd.gradcheck(lambda p, t, k=kind, r=reduction: localization_loss(p, t, k, r), inputs)
    labels = integers(generator, 3, 6)
    for kind in LOCALIZATION_LOSSES:
        output = normal(generator, 6, 7).requires_grad_()
        assert torch.autograd.gradcheck(
            lambda x, k=kind: classification_localization_loss(x, labels, target, 2.0, k), (output,)
        )
    raw, obj, cls, box = random_grid(generator, 2, 2, 1, 2)
    raw.requires_grad_()
    for activation in CLASS_ACTIVATIONS:
        assert torch.autograd.gradcheck(lambda x, a=activation: decode_predictions(x, (3, 5), a), (raw,))
    assert torch.autograd.gradcheck(lambda x: grid_detection_loss(x, obj, cls, box, 5.0, 0.5), (raw,))


def test_targets_and_suppression_accept_tensors_that_require_gradients() -> None:
    rows = NMS_BOXES.clone().requires_grad_()
    scores = NMS_SCORES.clone().requires_grad_()
    assert nms(rows, scores, 0.5).tolist() == [4, 1, 2, 5]
    assert batched_nms(rows, scores, NMS_CLASSES, 0.5).tolist() == [4, 1, 2, 3, 5]
    obj, cls, box = encode_targets(rows[:, [0, 2, 1, 3]], NMS_CLASSES, 4, 6, 2, (110, 110))
    assert not any(target.requires_grad for target in (obj, cls, box))


# ----------------------------------------------------------------------------------------------- other people's code


def test_conversion_agrees_with_torchvision() -> None:
    common = [fmt for fmt in BOX_FORMATS if fmt != "xxyy"]
    generator = Generator().manual_seed(10)
    for _ in range(100):
        rows = normal(generator, number(generator, 0, 9), 4, scale=100.0)
        for in_fmt, out_fmt in itertools.product(common, common):
            ours, theirs = box_convert(rows, in_fmt, out_fmt), torchvision.ops.box_convert(rows, in_fmt, out_fmt)
            close(ours, theirs.tolist() if len(rows) else theirs)
    for _ in range(20):
        whole = integers(generator, 200, 5, 4) - 50
        for in_fmt, out_fmt in (("xyxy", "xywh"), ("xywh", "xyxy"), ("xyxy", "xyxy")):
            theirs = torchvision.ops.box_convert(whole, in_fmt, out_fmt)
            assert torch.equal(box_convert(whole, in_fmt, out_fmt), theirs)
            assert torch.equal(box_convert(whole.reshape(5, 1, 4), in_fmt, out_fmt), theirs.reshape(5, 1, 4))


def test_area_and_clipping_agree_with_torchvision() -> None:
    generator = Generator().manual_seed(11)
    for _ in range(200):
        rows = random_boxes(generator, number(generator, 0, 9))
        assert torch.equal(box_area(rows), torchvision.ops.box_area(rows))
        size = (number(generator, 1, 60), number(generator, 1, 60))
        for same in (rows, normal(generator, 2, 3, 4, scale=60.0)):
            assert torch.equal(clip_boxes_to_image(same, size), torchvision.ops.clip_boxes_to_image(same, size))


def test_regression_losses_agree_with_pytorch() -> None:
    generator = Generator().manual_seed(12)
    theirs: dict[str, Callable[..., Tensor]] = {
        "se": F.mse_loss,
        "l1": F.l1_loss,
        "smooth_l1": F.smooth_l1_loss,
    }
    for case in range(100):
        n = number(generator, 1, 9)
        pred = normal(generator, n, 4, scale=10.0 ** (case % 4 - 2)).requires_grad_()
        target = normal(generator, n, 4, scale=10.0 ** (case % 4 - 2))
        for kind, loss in theirs.items():
            close(localization_loss(pred, target, kind, "none").detach(), loss(pred, target, reduction="none").sum(1))
            close(localization_loss(pred, target, kind, "sum").detach(), loss(pred, target, reduction="sum").detach())
            mean = localization_loss(pred, target, kind)
            close(mean.detach(), 4 * loss(pred, target).detach())
            (ours_grad,), (theirs_grad,) = (torch.autograd.grad(v, pred) for v in (mean, 4 * loss(pred, target)))
            close(ours_grad, theirs_grad)


def test_class_and_box_agree_with_the_sum_of_two_losses_of_pytorch() -> None:
    generator = Generator().manual_seed(13)
    for case in range(200):
        n, num_classes = number(generator, 1, 9), number(generator, 1, 7)
        output = normal(generator, n, num_classes + 4, scale=10.0 ** (case % 4 - 1))
        labels, rows, lam = integers(generator, num_classes, n), uniform(generator, n, 4), case % 7 / 2
        expected = F.cross_entropy(output[:, :-4], labels)
        expected = expected + lam * F.smooth_l1_loss(output[:, -4:], rows, reduction="sum") / n
        close(classification_localization_loss(output, labels, rows, lam, "smooth_l1"), expected)


def test_decoding_agrees_with_a_loop_over_the_slots() -> None:
    for seed in range(20):
        generator = Generator().manual_seed(seed)
        N, S, B, C = (number(generator, 1, 4) for _ in range(4))
        pred, H, W = normal(generator, N, S, S, B, 1 + C + 4), number(generator, 1, 500), number(generator, 1, 500)
        for activation in CLASS_ACTIVATIONS:
            conf, probs, rows = decode_predictions(pred, (H, W), activation)
            for n, i, j, b in itertools.product(range(N), range(S), range(S), range(B)):
                raw = pred[n, i, j, b].tolist()
                odds = [math.exp(z) for z in raw[1 : 1 + C]]
                assert conf[n, i, j, b].item() == pytest.approx(1 / (1 + math.exp(-raw[0])))
                expected = [o / sum(odds) if activation == "softmax" else o / (1 + o) for o in odds]
                assert probs[n, i, j, b].tolist() == pytest.approx(expected)
                sides = zip(raw[1 + C :], (W, W, H, H), strict=True)
                assert rows[n, i, j, b].tolist() == pytest.approx([s / (1 + math.exp(-z)) for z, s in sides])


def test_the_grid_loss_agrees_with_the_losses_of_pytorch_slot_by_slot() -> None:
    for seed in range(100):
        generator = Generator().manual_seed(seed)
        N, S, B, C = (number(generator, 1, 4) for _ in range(4))
        pred, obj, cls, box = random_grid(generator, N, S, B, C, share=seed % 5 / 4)
        lam_box, lam_noobj = seed % 6 / 2, seed % 3 / 2
        expected = torch.zeros((), dtype=torch.float64)
        for slot in itertools.product(range(N), range(S), range(S), range(B)):
            is_object = bool(obj[slot])
            bce = F.binary_cross_entropy_with_logits(pred[slot][0], obj[slot])
            expected = expected + (bce if is_object else lam_noobj * bce)
            if is_object:
                expected = expected + F.cross_entropy(pred[slot][None, 1 : 1 + C], cls[slot][None])
                expected = expected + lam_box * F.mse_loss(pred[slot][-4:].sigmoid(), box[slot], reduction="sum")
        close(grid_detection_loss(pred, obj, cls, box, lam_box, lam_noobj), expected / N)


def exact_nms(rows: list[list[int]], scores: list[float], iou_threshold: Fraction) -> list[int]:
    """Return what greedy suppression of whole-pixel boxes keeps, in rational arithmetic, by removing from a list."""

    def iou(a: list[int], b: list[int]) -> Fraction:
        width, height = (max(0, min(a[k + 2], b[k + 2]) - max(a[k], b[k])) for k in (0, 1))
        areas = [(r[2] - r[0]) * (r[3] - r[1]) for r in (a, b)]
        return Fraction(width * height, sum(areas) - width * height) if any(areas) else Fraction(0)

    left, keep = list(range(len(rows))), []
    while left:
        best = max(left, key=lambda i: scores[i])  # the first of equals
        keep.append(best)
        left = [i for i in left if i != best and iou(rows[best], rows[i]) <= iou_threshold]
    return keep


def test_suppression_equals_rational_arithmetic_with_ties_and_empty_boxes() -> None:
    for seed in range(300):
        generator = Generator().manual_seed(seed)
        n, percent = number(generator, 0, 20), 5 * number(generator, 0, 21)
        corners = integers(generator, 7, n, 2, 2)
        rows = torch.cat([corners.amin(dim=1), corners.amax(dim=1)], dim=1)  # (n, 4)
        scores = integers(generator, 6, n) / 4
        expected = exact_nms(rows.tolist(), scores.tolist(), Fraction(percent, 100))
        assert nms(rows, scores, percent / 100).tolist() == expected
        assert nms(rows.float(), scores, percent / 100).tolist() == expected


def test_suppression_agrees_with_monai() -> None:
    from monai.data.box_utils import batched_nms as monai_batched_nms
    from monai.data.box_utils import non_max_suppression

    for iou_threshold in (0.3, 0.5, 0.7):
        theirs = non_max_suppression(NMS_BOXES, NMS_SCORES, iou_threshold)
        assert nms(NMS_BOXES, NMS_SCORES, iou_threshold).tolist() == list(theirs)
    for seed in range(150):
        generator = Generator().manual_seed(seed)
        n, iou_threshold = number(generator, 1, 40), float(uniform(generator))
        rows, scores, idxs = random_boxes(generator, n), uniform(generator, n), integers(generator, 3, n)
        rows = rows - rows.amin()  # with negative coordinates their groups may overlap, see below
        assert nms(rows, scores, iou_threshold).tolist() == list(non_max_suppression(rows, scores, iou_threshold))
        ours = batched_nms(rows, scores, idxs, iou_threshold)
        assert ours.tolist() == list(monai_batched_nms(rows, scores, idxs, iou_threshold))


def test_difference_groups_shifted_apart_may_still_overlap_where_coordinates_are_negative() -> None:
    from monai.data.box_utils import batched_nms as monai_batched_nms

    rows, scores, idxs = boxes((0, 0, 5, 5), (-6, -6, -1, -1)), torch.tensor([0.9, 0.8]), torch.tensor([0, 1])
    assert list(monai_batched_nms(rows, scores, idxs, 0.5)) == [0]
    assert batched_nms(rows, scores, idxs, 0.5).tolist() == [0, 1]


def test_difference_shifted_groups_lose_their_digits() -> None:
    from monai.data.box_utils import batched_nms as monai_batched_nms

    rows = boxes((0, 0, 10, 10), (6, 0, 16, 10), dtype=torch.float32)  # IoU 1/4
    scores, idxs = torch.tensor([0.9, 0.8]), torch.full((2,), 10_000_000)
    assert list(monai_batched_nms(rows, scores, idxs, 0.4)) != [0, 1]
    assert batched_nms(rows, scores, idxs, 0.4).tolist() == [0, 1]


def test_difference_monai_compares_in_float32() -> None:
    from monai.data.box_utils import non_max_suppression

    pair, scores = boxes((0, 0, 100, 1), (0, 0, 55, 1)), torch.tensor([0.9, 0.8])
    just_below = math.nextafter(0.55, 0)
    assert nms(pair, scores, just_below).tolist() == [0]
    assert list(non_max_suppression(pair.float(), scores, just_below)) == [0, 1]


def test_difference_torchvision_does_not_know_the_order_of_the_lecture() -> None:
    with pytest.raises(ValueError, match="Unsupported Bounding Box"):
        torchvision.ops.box_convert(boxes(ONE_BOX["xxyy"]), "xxyy", "xyxy")


def test_difference_torchvision_gives_inverted_boxes_an_area() -> None:
    rows = boxes((0, 0, -2, 3), (0, 0, -2, -3), (0, 0, 2, 3))
    assert torchvision.ops.box_area(rows).tolist() == [-6, 6, 6]
    assert box_area(rows).tolist() == [0, 0, 6]


def test_difference_torchvision_has_no_half_centres_of_whole_pixels() -> None:
    whole = torch.tensor([[2, 3, 3, 5]])
    assert torchvision.ops.box_convert(whole, "cxcywh", "cxcywh").dtype == torch.int64
    assert box_convert(whole, "cxcywh", "cxcywh").dtype == torch.float32


def test_difference_the_mean_squared_error_is_a_quarter() -> None:
    pred, target = boxes((0.2, 0.6, 0.1, 0.5)), boxes((0.25, 0.65, 0.2, 0.5))
    close(F.mse_loss(pred, target), 0.00375)
    close(localization_loss(pred, target), 0.015)


# ------------------------------------------------------------------------------------------------------------- edges


def test_no_boxes() -> None:
    none, no_scores, no_labels = boxes(), torch.zeros(0), torch.zeros(0, dtype=torch.int64)
    for in_fmt, out_fmt in itertools.product(BOX_FORMATS, BOX_FORMATS):
        assert box_convert(none, in_fmt, out_fmt).shape == (0, 4)
    assert box_area(none).shape == (0,)
    assert clip_boxes_to_image(none, (3, 4)).shape == (0, 4)
    for keep in (nms(none, no_scores, 0.5), batched_nms(none, no_scores, no_labels, 0.5)):
        assert keep.shape == (0,)
        assert keep.dtype == torch.int64
    obj, cls, box = encode_targets(none, no_labels, 3, 2, 4, (10, 20))
    assert obj.shape == cls.shape == (3, 3, 2)
    assert box.shape == (3, 3, 2, 4)
    assert not any(target.any() for target in (obj, cls, box))


@pytest.mark.parametrize("kind", LOCALIZATION_LOSSES)
def test_of_nothing_the_sum_is_zero_and_the_mean_is_nan(kind: str) -> None:
    none = torch.zeros(0, 4)
    assert localization_loss(none, none, kind, "none").shape == (0,)
    assert localization_loss(none, none, kind, "sum").item() == 0
    assert localization_loss(none, none, kind).isnan()
    no_labels = torch.zeros(0, dtype=torch.int64)
    assert classification_localization_loss(torch.zeros(0, 7), no_labels, none, 1.0, kind).isnan()


def test_a_batch_without_images() -> None:
    pred, obj = torch.zeros(0, 2, 2, 3, 7), torch.zeros(0, 2, 2, 3)
    conf, probs, rows = decode_predictions(pred, (4, 4))
    assert (conf.shape, probs.shape, rows.shape) == ((0, 2, 2, 3), (0, 2, 2, 3, 2), (0, 2, 2, 3, 4))
    assert grid_detection_loss(pred, obj, obj.long(), torch.zeros(0, 2, 2, 3, 4)).isnan()


def test_boxes_may_have_any_leading_dimensions() -> None:
    rows = random_boxes(Generator().manual_seed(20), 24)
    for shape in ((4,), (24, 4), (2, 3, 4, 4), (1, 0, 4)):
        block = rows[: math.prod(shape) // 4].reshape(shape)
        flat = block.reshape(-1, 4)
        assert torch.equal(box_area(block), box_area(flat).reshape(shape[:-1]))
        assert torch.equal(clip_boxes_to_image(block, (30, 40)), clip_boxes_to_image(flat, (30, 40)).reshape(shape))
        assert torch.equal(box_convert(block, "xyxy", "cxcywh"), box_convert(flat, "xyxy", "cxcywh").reshape(shape))


@pytest.mark.parametrize("empty", [(3, 3, 3, 3), (0, 0, 10, 0), (0, 0, 0, 10), (8, 8, 2, 2), (8, 0, 2, 10)])
def test_a_box_without_area_neither_suppresses_nor_is_suppressed(empty: tuple[float, ...]) -> None:
    rows = boxes(empty, (0, 0, 10, 10), empty)
    for scores in ([0.9, 0.8, 0.7], [0.7, 0.9, 0.8], [0.8, 0.7, 0.9]):
        expected = sorted(range(3), key=lambda i: -scores[i])
        assert nms(rows, torch.tensor(scores), 0.0).tolist() == expected
        assert batched_nms(rows, torch.tensor(scores), torch.zeros(3, dtype=torch.int64), 0.0).tolist() == expected


def test_the_iou_of_tiny_boxes_has_no_epsilon() -> None:
    tiny = boxes((0, 0, 1e-6, 1e-6), (0, 0, 1e-6, 0.5e-6))
    assert nms(tiny, torch.tensor([0.9, 0.8]), 0.49).tolist() == [0]


def test_of_identical_boxes_and_scores_the_lowest_index_stays() -> None:
    rows, scores = boxes((0, 0, 10, 10)).repeat(2000, 1), torch.full((2000,), 0.5)
    assert nms(rows, scores, 0.5).tolist() == [0]
    assert nms(rows, scores, 1.0).tolist() == list(range(2000))  # 1 > 1 is false
    assert batched_nms(rows, scores, torch.arange(2000) % 3, 0.5).tolist() == [0, 1, 2]
    assert batched_nms(rows, scores, 2 - torch.arange(2000) % 3, 0.5).tolist() == [0, 1, 2]
    assert batched_nms(rows, scores, torch.arange(2000), 0.5).tolist() == list(range(2000))


def test_negative_coordinates_and_groups_of_any_name() -> None:
    shifted = NMS_BOXES - 200
    assert nms(shifted, NMS_SCORES, 0.5).tolist() == [4, 1, 2, 5]
    for names in ((0, 1), (1, 0), (-3, 10**12), (-(10**12), -7)):
        idxs = torch.tensor(names)[NMS_CLASSES]
        assert batched_nms(shifted, NMS_SCORES, idxs, 0.5).tolist() == [4, 1, 2, 3, 5]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int16, torch.int32])
def test_narrow_boxes_do_not_overflow(dtype: torch.dtype) -> None:
    rows = boxes((0, 0, 304, 304), (0, 0, 304, 152)).to(dtype)
    assert box_area(rows).tolist() == [304 * 304, 304 * 152]
    assert box_area(rows).dtype == torch.float32
    assert nms(rows, torch.tensor([0.9, 0.8]), 0.5).tolist() == [0, 1]
    assert nms(rows, torch.tensor([0.9, 0.8]), 0.49).tolist() == [0]


def test_unsigned_boxes_do_not_wrap_where_the_result_fits() -> None:
    rows = torch.tensor([[200, 10, 250, 20], [0, 0, 0, 255]], dtype=torch.uint8)
    assert box_area(rows).tolist() == [500, 0]
    assert box_area(rows.flip(1)).tolist() == [0, 0]  # inverted: 10 - 250 is not 16
    assert box_convert(rows, "xyxy", "cxcywh").tolist() == [[225, 15, 50, 10], [0, 127.5, 0, 255]]
    assert clip_boxes_to_image(rows, (300, 220)).tolist() == [[200, 10, 220, 20], [0, 0, 0, 255]]
    obj, _, box = encode_targets(rows[:1, [0, 2, 1, 3]], torch.tensor([0]), 2, 1, 1, (255, 255))
    assert obj.nonzero().tolist() == [[0, 1, 0]]
    close(box[0, 1, 0], [200 / 255, 250 / 255, 10 / 255, 20 / 255], 1e-6)


def test_booleans_are_the_integers_zero_and_one() -> None:
    unit = torch.tensor([[False, False, True, True]])
    assert box_convert(unit, "xyxy", "xywh").tolist() == [[0, 0, 1, 1]]
    assert box_convert(unit, "xyxy", "xywh").dtype == clip_boxes_to_image(unit, (3, 3)).dtype == torch.int64
    assert box_convert(unit, "xyxy", "cxcywh").tolist() == [[0.5, 0.5, 1, 1]]
    assert box_area(unit).tolist() == [1.0]
    assert nms(unit, torch.ones(1), 0.5).tolist() == [0]
    output = torch.tensor([[2.0, 1.0, 0.0, 0.0, 1.0, 1.0]])
    loss = classification_localization_loss(output, torch.tensor([True]), unit)
    assert loss.item() == pytest.approx(math.log1p(math.e))


@pytest.mark.parametrize(
    ("row", "cell"),
    [
        ((190, 210, 40, 50), (1, 3)),
        ((90, 110, 90, 110), (3, 2)),
        ((200, 200, 100, 100), (3, 3)),
        ((0, 0, 0, 0), (0, 0)),
        ((50, 50, 25, 25), (1, 1)),
        ((49, 50, 24, 25), (0, 0)),
        ((230, 250, -60, -40), (0, 3)),
        ((-60, -40, 130, 150), (3, 0)),
    ],
)
def test_centres_on_lines_and_borders(row: tuple[float, ...], cell: tuple[int, int]) -> None:
    obj, _, box = encode_targets(boxes(row), torch.tensor([0]), 4, 1, 1, image_size=(100, 200))
    assert obj.nonzero().tolist() == [[*cell, 0]]
    close(box[cell][0], [row[0] / 200, row[1] / 200, row[2] / 100, row[3] / 100])  # not clipped


def test_one_more_object_than_a_cell_has_slots_is_refused() -> None:
    rows, labels = boxes((1, 2, 1, 2), (2, 3, 2, 3), (7, 8, 1, 2)), torch.tensor([0, 1, 0])
    assert encode_targets(rows, labels, 2, 2, 2, (10, 10))[0].sum() == 3
    with pytest.raises(ValueError, match=re.escape("at most 1 centres in cell (0, 0), got 2.")):
        encode_targets(rows, labels, 2, 1, 2, (10, 10))


def test_one_class() -> None:
    output = normal(Generator().manual_seed(21), 3, 5)
    rows, labels = torch.zeros(3, 4), torch.zeros(3, dtype=torch.int64)
    close(classification_localization_loss(output, labels, rows), float(localization_loss(output[:, 1:], rows)))
    pred = normal(Generator().manual_seed(22), 2, 1, 1, 2, 6)
    conf, probs, _ = decode_predictions(pred, (4, 4))
    assert (probs == 1).all()
    assert torch.equal(decode_predictions(pred, (4, 4), "sigmoid")[1][..., 0], pred[..., 1].sigmoid())
    ones, zeros = torch.ones(2, 1, 1, 2), torch.zeros(2, 1, 1, 2, dtype=torch.int64)
    close(grid_detection_loss(pred, ones, zeros, pred[..., 2:].sigmoid()), float(-conf.log().sum() / 2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_large_logits_have_finite_losses(dtype: torch.dtype) -> None:
    pred = torch.zeros(1, 1, 1, 2, 7, dtype=dtype)
    pred[..., 0, :] = torch.tensor([-10000, 10000, -10000, 10000, -10000, 10000, -10000])
    pred[..., 1, 0] = 10000
    pred.requires_grad_()
    obj, cls = torch.tensor([[[[1, 0]]]]), torch.tensor([[[[1, 0]]]])
    box = torch.tensor([1.0, 0.0, 1.0, 1.0]).expand(1, 1, 1, 2, 4)
    loss = grid_detection_loss(pred, obj, cls, box)
    assert loss.item() == torch.tensor(10000 + 10000 + 20000 + 1, dtype=dtype).item()
    (gradient,) = torch.autograd.grad(loss, pred)
    assert gradient[0, 0, 0, :, 0].tolist() == [-1, 1]
    assert gradient[0, 0, 0, 0, 1:3].tolist() == [1, -1]
    assert gradient.isfinite().all()
    for activation in CLASS_ACTIVATIONS:
        conf, probs, rows = decode_predictions(pred.detach(), (100, 200), activation)
        assert conf.tolist() == [[[[0, 1]]]]
        assert probs[0, 0, 0, 0].tolist() == [1, 0]
        assert rows[0, 0, 0, 0].tolist() == [200, 0, 100, 0]
    output = torch.tensor([[10000, -10000, 0, 0, 0, 0]], dtype=dtype)
    target = torch.zeros(1, 4)
    assert classification_localization_loss(output, torch.tensor([1]), target).item() == 20000
    assert classification_localization_loss(output, torch.tensor([0]), target).item() == 0


def test_a_confident_right_answer_keeps_the_digits_of_its_loss() -> None:
    pred = torch.zeros(1, 1, 1, 1, 6, dtype=torch.float64)
    pred[..., 0] = 30.0
    loss = grid_detection_loss(pred, torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1).long(), pred[..., 2:] + 0.5)
    assert loss.item() == pytest.approx(math.exp(-30), rel=1e-10)
    pred[..., 0] = -21.0  # softplus rounds to a line from 20 on
    loss = grid_detection_loss(pred, torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1).long(), pred[..., 2:] + 0.5)
    assert loss.item() - 21 == pytest.approx(math.exp(-21), rel=1e-4)


@pytest.mark.parametrize("dtype", FLOATS)
def test_results_have_the_dtype_of_the_inputs(dtype: torch.dtype) -> None:
    rows, labels = NMS_BOXES.to(dtype), torch.arange(6) % 3
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    assert box_area(rows).dtype == wide
    assert clip_boxes_to_image(rows, (9, 9)).dtype == dtype
    for other in (*FLOATS, torch.int64, torch.bool):
        for kind, reduction in itertools.product(LOCALIZATION_LOSSES, ("none", "sum", "mean")):
            assert localization_loss(rows, rows.to(other), kind, reduction).dtype == dtype
        assert localization_loss(rows.long(), rows.to(other)).dtype == (
            torch.float64 if other == torch.float64 else torch.float32
        )
    assert classification_localization_loss(torch.zeros(6, 7, dtype=dtype), labels, rows.double()).dtype == dtype
    obj, cls, box = encode_targets(rows[:, [0, 2, 1, 3]], labels, 4, 6, 3, (110, 110))
    assert obj.dtype == box.dtype == dtype
    assert cls.dtype == torch.int64
    pred = torch.zeros(1, 4, 4, 6, 8, dtype=dtype)
    assert all(result.dtype == dtype for result in decode_predictions(pred, (110, 110)))
    loss = grid_detection_loss(pred, obj[None].double(), cls[None], box[None].double())
    assert loss.dtype == dtype
    assert nms(rows, NMS_SCORES.to(dtype), 0.5).dtype == torch.int64


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_results_are_the_float64_results_rounded_once(dtype: torch.dtype) -> None:
    for seed in range(30):
        generator = Generator().manual_seed(seed)
        pred, obj, cls, box = random_grid(generator, 2, 2, 2, 3)
        pred, box = pred.to(dtype), box.to(dtype)
        loss = grid_detection_loss(pred.double(), obj, cls, box.double(), 5.0, 0.5)
        assert torch.equal(grid_detection_loss(pred, obj, cls, box, 5.0, 0.5), loss.to(dtype))
        for ours, exact in zip(
            decode_predictions(pred, (480, 640)), decode_predictions(pred.double(), (480, 640)), strict=True
        ):
            assert torch.equal(ours, exact.to(dtype))
        rows, other = pred.reshape(-1, 8)[:, 4:], box.reshape(-1, 4)
        for kind in LOCALIZATION_LOSSES:
            exact = localization_loss(rows.double(), other.double(), kind)
            assert torch.equal(localization_loss(rows, other, kind), exact.to(dtype))
        for in_fmt, out_fmt in itertools.product(BOX_FORMATS, BOX_FORMATS):
            exact = box_convert(rows.double(), in_fmt, out_fmt)
            assert torch.equal(box_convert(rows, in_fmt, out_fmt), exact.to(dtype))


@pytest.mark.parametrize("dtype", [*INTEGERS, torch.bool])
def test_every_integer_dtype_is_accepted_for_labels_and_flags(dtype: torch.dtype) -> None:
    obj, cls, box = grid_targets()
    cls = cls.clamp(max=1)
    pred = GRID_PRED.clone()
    expected = grid_detection_loss(pred, obj, cls, box)
    assert torch.equal(grid_detection_loss(pred, obj.to(dtype), cls.to(dtype), box), expected)
    output, labels = pred.reshape(8, 8)[:, 1:], torch.tensor([0, 1] * 4)
    assert torch.equal(
        classification_localization_loss(output, labels.to(dtype), box.reshape(8, 4)),
        classification_localization_loss(output, labels, box.reshape(8, 4)),
    )
    rows = boxes((1, 2, 1, 2), (7, 8, 7, 8))
    for ours, theirs in zip(
        encode_targets(rows, torch.tensor([1, 0]).to(dtype), 2, 1, 2, (10, 10)),
        encode_targets(rows, torch.tensor([1, 0]), 2, 1, 2, (10, 10)),
        strict=True,
    ):
        assert torch.equal(ours, theirs)
    assert batched_nms(NMS_BOXES, NMS_SCORES, NMS_CLASSES.to(dtype), 0.5).tolist() == [4, 1, 2, 3, 5]


def strided(tensor: Tensor) -> Tensor:
    """Return the same values in memory that is not contiguous."""
    return tensor.repeat_interleave(2, dim=-1)[..., ::2]


def test_non_contiguous_inputs_give_the_same_values() -> None:
    rows, scores = strided(NMS_BOXES), strided(NMS_SCORES)
    assert not any(tensor.is_contiguous() for tensor in (rows, scores, strided(GRID_PRED)))
    for in_fmt, out_fmt in itertools.product(BOX_FORMATS, BOX_FORMATS):
        assert torch.equal(box_convert(rows, in_fmt, out_fmt), box_convert(NMS_BOXES, in_fmt, out_fmt))
    assert torch.equal(box_area(rows), box_area(NMS_BOXES))
    assert torch.equal(clip_boxes_to_image(rows, (25, 25)), clip_boxes_to_image(NMS_BOXES, (25, 25)))
    assert torch.equal(nms(rows, scores, 0.5), nms(NMS_BOXES, NMS_SCORES, 0.5))
    assert batched_nms(rows, scores, strided(NMS_CLASSES), 0.5).tolist() == [4, 1, 2, 3, 5]
    obj, cls, box = grid_targets()
    targets = (strided(obj), strided(cls), strided(box))
    for pred in (strided(GRID_PRED), GRID_PRED.transpose(1, 4).contiguous().transpose(1, 4)):
        close(grid_detection_loss(pred, *targets), 7.3334611456, 1e-10)
        for ours, same in zip(decode_predictions(pred, (5, 7)), decode_predictions(GRID_PRED, (5, 7)), strict=True):
            close(ours, same)
    turned = rows.T.contiguous().T
    assert torch.equal(localization_loss(turned, rows + 1), localization_loss(NMS_BOXES, NMS_BOXES + 1))
    output = GRID_PRED.reshape(8, 8)[:, 1:]
    loss = classification_localization_loss(output, torch.zeros(8).long(), rows[:1].expand(8, 4))
    close(
        loss, classification_localization_loss(output.contiguous(), torch.zeros(8).long(), NMS_BOXES[:1].repeat(8, 1))
    )
    for ours, same in zip(
        encode_targets(rows, strided(NMS_CLASSES), 4, 6, 2, (110, 110)),
        encode_targets(NMS_BOXES, NMS_CLASSES, 4, 6, 2, (110, 110)),
        strict=True,
    ):
        assert torch.equal(ours, same)


def call_everything(tensors: dict[str, Tensor]) -> list[Tensor]:
    """Call every function once, and return the results."""
    rows, scores, labels = tensors["boxes"], tensors["scores"], tensors["labels"]
    pred, obj, cls, box = (tensors[name] for name in ("pred", "obj", "cls", "box"))
    results = [box_convert(rows, a, b) for a, b in itertools.product(BOX_FORMATS, BOX_FORMATS)]
    results += [box_area(rows), clip_boxes_to_image(rows, (10_000, 10_000))]
    for kind, reduction in itertools.product(LOCALIZATION_LOSSES, ("none", "sum", "mean")):
        results += [localization_loss(rows, tensors["other"], kind, reduction)]
        results += [classification_localization_loss(tensors["output"], labels, rows, 2.0, kind)]
    results += encode_targets(rows, labels, 4, 6, 2, (110, 110))
    for activation in CLASS_ACTIVATIONS:
        results += decode_predictions(pred, (1, 1), activation)
    results += [grid_detection_loss(pred, obj, cls, box)]
    results += [nms(rows, scores, 0.5), batched_nms(rows, scores, labels, 0.5)]
    return results


def inputs_of_everything() -> dict[str, Tensor]:
    obj, cls, box = grid_targets()
    output = GRID_PRED.reshape(8, 8)[:6, :6]
    named = {"boxes": NMS_BOXES, "scores": NMS_SCORES, "labels": NMS_CLASSES, "other": NMS_BOXES + 1, "output": output}
    named |= {"pred": GRID_PRED, "obj": obj, "cls": cls, "box": box}
    return {name: tensor.clone() for name, tensor in named.items()}


def test_inputs_the_random_state_and_the_defaults_are_left_alone() -> None:
    tensors = inputs_of_everything()
    copies = {name: tensor.clone() for name, tensor in tensors.items()}
    versions = {name: tensor._version for name, tensor in tensors.items()}
    state = torch.get_rng_state()
    first, second = call_everything(tensors), call_everything(tensors)
    assert all(map(torch.equal, first, second))
    assert all(torch.equal(tensors[name], copies[name]) for name in tensors)
    assert {name: tensor._version for name, tensor in tensors.items()} == versions
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()


def test_a_result_never_shares_memory_with_its_input() -> None:
    tensors = inputs_of_everything()
    for result in call_everything(tensors):
        result.fill_(7)
    assert all(torch.equal(tensors[name], tensor) for name, tensor in inputs_of_everything().items())


@pytest.mark.parametrize("device", DEVICES)
def test_results_live_on_the_device_of_the_inputs(device: str) -> None:
    on_device = {name: tensor.to(device) for name, tensor in inputs_of_everything().items()}
    expected = call_everything(inputs_of_everything())
    for ours, on_cpu in zip(call_everything(on_device), expected, strict=True):
        assert ours.device.type == device
        close(ours.cpu(), on_cpu.to(torch.float64))


def test_functions_of_numbers_make_no_tensor_of_their_own_on_another_device() -> None:
    rows = torch.zeros(3, 4, device="meta")
    results = [box_convert(rows, a, b) for a, b in itertools.product(BOX_FORMATS, BOX_FORMATS)]
    results += [box_area(rows), clip_boxes_to_image(rows, (3, 3))]
    results += [localization_loss(rows, rows, kind) for kind in LOCALIZATION_LOSSES]
    results += decode_predictions(torch.zeros(1, 2, 2, 1, 7, device="meta"), (3, 3))
    assert all(result.device.type == "meta" for result in results)


# ------------------------------------------------------------------------------------------------------------ errors

BOX = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
ONE = torch.ones(1)
LABEL = torch.zeros(1, dtype=torch.int64)
OUTPUT = torch.zeros(1, 7)
PRED = torch.zeros(1, 2, 2, 1, 8)
OBJ = torch.zeros(1, 2, 2, 1)
CLS = OBJ.long()
TARGET_BOX = torch.zeros(1, 2, 2, 1, 4)

WRONG_CALLS: dict[str, Callable[[], object]] = {
    "box_convert: expected a format of xyxy, xywh, cxcywh, xxyy, got 'yxyx'.": lambda: box_convert(BOX, "yxyx", "xyxy"),
    "box_convert: expected a format of xyxy, xywh, cxcywh, xxyy, got 'XYXY'.": lambda: box_convert(BOX, "xyxy", "XYXY"),
    "box_convert: expected a format of xyxy, xywh, cxcywh, xxyy, got 'a'.": lambda: box_convert(BOX, "a", "a"),
    "box_convert: expected shape (..., 4), got (1, 3).": lambda: box_convert(BOX[:, :3], "xyxy", "xywh"),
    "box_convert: expected shape (..., 4), got ().": lambda: box_convert(BOX[0, 0], "xyxy", "xyxy"),
    "box_area: expected shape (..., 4), got (0,). boxes_xyxy": lambda: box_area(torch.zeros(0)),
    "box_area: expected shape (..., 4), got (4, 1). boxes_xyxy": lambda: box_area(BOX.T),
    "clip_boxes_to_image: expected shape (..., 4), got (4, 1).": lambda: clip_boxes_to_image(BOX.T, (2, 2)),
    "clip_boxes_to_image: expected size of two positive numbers, got (0, 3).": lambda: clip_boxes_to_image(BOX, (0, 3)),
    "clip_boxes_to_image: expected size of two positive numbers, got (3, -1).": lambda: clip_boxes_to_image(
        BOX, (3, -1)
    ),
    "clip_boxes_to_image: expected size of two positive numbers, got (3, 4, 5).": lambda: clip_boxes_to_image(
        BOX,
        (3, 4, 5),  # type: ignore[arg-type]
    ),
    "localization_loss: expected shape (N, 4), got (4,). pred": lambda: localization_loss(BOX[0], BOX[0]),
    "localization_loss: expected shape (N, 4), got (1, 3). pred": lambda: localization_loss(BOX[:, :3], BOX[:, :3]),
    "localization_loss: expected shape (1, 4), got (2, 4). target": lambda: localization_loss(BOX, BOX.repeat(2, 1)),
    "localization_loss: expected shape (2, 4), got (1, 4). target": lambda: localization_loss(BOX.repeat(2, 1), BOX),
    "localization_loss: expected a kind of se, l1, smooth_l1, got 'mse'.": lambda: localization_loss(BOX, BOX, "mse"),
    "localization_loss: expected a reduction of none, sum, mean, got 'average'.": lambda: localization_loss(
        BOX, BOX, reduction="average"
    ),
    "classification_localization_loss: expected shape (N, C + 4) with C >= 1, got (1, 4).": (
        lambda: classification_localization_loss(BOX, LABEL, BOX)
    ),
    "classification_localization_loss: expected shape (N, C + 4) with C >= 1, got (7,).": (
        lambda: classification_localization_loss(OUTPUT[0], LABEL, BOX)
    ),
    "classification_localization_loss: expected a floating dtype for output, got torch.int64.": (
        lambda: classification_localization_loss(OUTPUT.long(), LABEL, BOX)
    ),
    "classification_localization_loss: expected shape (1,), got (1, 1). class_target": (
        lambda: classification_localization_loss(OUTPUT, LABEL[None], BOX)
    ),
    "classification_localization_loss: expected shape (1, 4), got (4,). box_target": (
        lambda: classification_localization_loss(OUTPUT, LABEL, BOX[0])
    ),
    "classification_localization_loss: expected class_target in [0, 3), got 3.": (
        lambda: classification_localization_loss(OUTPUT, LABEL + 3, BOX)
    ),
    "classification_localization_loss: expected class_target in [0, 3), got -1.": (
        lambda: classification_localization_loss(OUTPUT, LABEL - 1, BOX)
    ),
    "classification_localization_loss: expected integers in class_target, got torch.float32.": (
        lambda: classification_localization_loss(OUTPUT, ONE, BOX)
    ),
    "classification_localization_loss: expected a kind of se, l1, smooth_l1, got 'ce'.": (
        lambda: classification_localization_loss(OUTPUT, LABEL, BOX, kind="ce")
    ),
    "encode_targets: expected S >= 1, got 0.": lambda: encode_targets(BOX, LABEL, 0, 1, 1, (1, 1)),
    "encode_targets: expected B >= 1, got 0.": lambda: encode_targets(BOX, LABEL, 1, 0, 1, (1, 1)),
    "encode_targets: expected C >= 1, got -2.": lambda: encode_targets(BOX, LABEL, 1, 1, -2, (1, 1)),
    "encode_targets: expected image_size of two positive numbers, got (1, 0).": lambda: encode_targets(
        BOX, LABEL, 1, 1, 1, (1, 0)
    ),
    "encode_targets: expected shape (N, 4), got (4,). boxes_xxyy": lambda: encode_targets(
        BOX[0], LABEL, 1, 1, 1, (1, 1)
    ),
    "encode_targets: expected shape (1,), got (2,). labels": lambda: encode_targets(
        BOX, LABEL.repeat(2), 1, 1, 1, (1, 1)
    ),
    "encode_targets: expected labels in [0, 2), got 2.": lambda: encode_targets(BOX, LABEL + 2, 1, 1, 2, (1, 1)),
    "encode_targets: expected labels in [0, 2), got -1.": lambda: encode_targets(BOX, LABEL - 1, 1, 1, 2, (1, 1)),
    "encode_targets: expected integers in labels, got torch.float32.": lambda: encode_targets(
        BOX, ONE, 1, 1, 2, (1, 1)
    ),
    "encode_targets: expected at most 2 centres in cell (0, 0), got 3.": lambda: encode_targets(
        BOX.repeat(3, 1), LABEL.repeat(3), 1, 2, 1, (1, 1)
    ),
    "decode_predictions: expected shape (N, S, S, B, 1 + C + 4) with C >= 1, got (2, 2, 1, 8).": (
        lambda: decode_predictions(PRED[0], (1, 1))
    ),
    "decode_predictions: expected shape (N, S, S, B, 1 + C + 4) with C >= 1, got (1, 2, 2, 1, 5).": (
        lambda: decode_predictions(PRED[..., :5], (1, 1))
    ),
    "decode_predictions: expected shape (N, S, S, B, 1 + C + 4) with C >= 1, got (1, 1, 2, 1, 8).": (
        lambda: decode_predictions(PRED[:, :1], (1, 1))
    ),
    "decode_predictions: expected a floating dtype for pred, got torch.int64.": lambda: decode_predictions(
        PRED.long(), (1, 1)
    ),
    "decode_predictions: expected image_size of two positive numbers, got (0, 1).": lambda: decode_predictions(
        PRED, (0, 1)
    ),
    "decode_predictions: expected a class activation of softmax, sigmoid, got 'relu'.": lambda: decode_predictions(
        PRED, (1, 1), "relu"
    ),
    "grid_detection_loss: expected shape (N, S, S, B, 1 + C + 4) with C >= 1, got (1, 2, 2, 8).": (
        lambda: grid_detection_loss(PRED[:, :, :, 0], OBJ, CLS, TARGET_BOX)
    ),
    "grid_detection_loss: expected a floating dtype for pred, got torch.int64.": lambda: grid_detection_loss(
        PRED.long(), OBJ, CLS, TARGET_BOX
    ),
    "grid_detection_loss: expected shape (1, 2, 2, 1), got (2, 2, 1). obj": lambda: grid_detection_loss(
        PRED, OBJ[0], CLS, TARGET_BOX
    ),
    "grid_detection_loss: expected shape (1, 2, 2, 1), got (1, 2, 2, 1, 1). cls": lambda: grid_detection_loss(
        PRED, OBJ, CLS[..., None], TARGET_BOX
    ),
    "grid_detection_loss: expected shape (1, 2, 2, 1, 4), got (1, 2, 2, 4). box": lambda: grid_detection_loss(
        PRED, OBJ, CLS, TARGET_BOX[:, :, :, 0]
    ),
    "grid_detection_loss: expected obj of 0 and 1, got 0.5.": lambda: grid_detection_loss(
        PRED, OBJ + 0.5, CLS, TARGET_BOX
    ),
    "grid_detection_loss: expected obj of 0 and 1, got nan.": lambda: grid_detection_loss(
        PRED, OBJ * math.nan, CLS, TARGET_BOX
    ),
    "grid_detection_loss: expected cls in [0, 3), got 3.": lambda: grid_detection_loss(
        PRED, OBJ + 1, CLS + 3, TARGET_BOX
    ),
    "grid_detection_loss: expected cls in [0, 3), got -1.": lambda: grid_detection_loss(
        PRED, OBJ + 1, CLS - 1, TARGET_BOX
    ),
    "grid_detection_loss: expected integers in cls, got torch.float32.": lambda: grid_detection_loss(
        PRED, OBJ, OBJ, TARGET_BOX
    ),
    "nms: expected shape (N, 4), got (0,). boxes_xyxy": lambda: nms(torch.zeros(0), torch.zeros(0), 0.5),
    "nms: expected shape (N, 4), got (1, 3). boxes_xyxy": lambda: nms(BOX[:, :3], ONE, 0.5),
    "nms: expected shape (1,), got (2,). scores": lambda: nms(BOX, ONE.repeat(2), 0.5),
    "nms: expected shape (1,), got (1, 1). scores": lambda: nms(BOX, ONE[None], 0.5),
    "nms: expected an IoU threshold in [0, 1], got 50.": lambda: nms(BOX, ONE, 50),
    "nms: expected an IoU threshold in [0, 1], got -0.1.": lambda: nms(BOX, ONE, -0.1),
    "nms: expected an IoU threshold in [0, 1], got nan.": lambda: nms(BOX, ONE, math.nan),
    "batched_nms: expected shape (N, 4), got (4,). boxes": lambda: batched_nms(BOX[0], ONE, LABEL, 0.5),
    "batched_nms: expected shape (1,), got (2,). scores": lambda: batched_nms(BOX, ONE.repeat(2), LABEL, 0.5),
    "batched_nms: expected shape (1,), got (2,). idxs": lambda: batched_nms(BOX, ONE, LABEL.repeat(2), 0.5),
    "batched_nms: expected an IoU threshold in [0, 1], got 1.5.": lambda: batched_nms(BOX[:0], ONE[:0], LABEL[:0], 1.5),
}


@pytest.mark.parametrize("message", WRONG_CALLS)
def test_a_wrong_call_raises_a_value_error_that_names_both_sides(message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as caught:
        WRONG_CALLS[message]()
    assert "\n" not in str(caught.value)


def test_each_choice_has_a_row_in_the_table_of_the_docstring() -> None:
    assert all(f"``{fmt}``" in (box_convert.__doc__ or "") for fmt in BOX_FORMATS)
    assert all(f"``{kind}``" in (localization_loss.__doc__ or "") for kind in LOCALIZATION_LOSSES)
    assert all(f"``{name}``" in (decode_predictions.__doc__ or "") for name in CLASS_ACTIVATIONS)


def test_the_module_offers_the_functions_of_the_lecture_and_nothing_more() -> None:
    own = [name for name, value in vars(detection).items() if getattr(value, "__module__", "") == detection.__name__]
    assert [name for name in own if not name.startswith("_")] == [
        "box_convert",
        "box_area",
        "clip_boxes_to_image",
        "localization_loss",
        "classification_localization_loss",
        "encode_targets",
        "decode_predictions",
        "grid_detection_loss",
        "nms",
        "batched_nms",
    ]
