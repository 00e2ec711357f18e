"""Hidden checks of the topic *detection*: box formats, one object, a grid of objects, suppression and training.

Numbers are checked in float64, so that the order of operations does not matter; dtypes are checks of their own. Scores
are distinct and IoUs stay away from the threshold, except where a check says that it is about ties or equality. Nothing
that a training run says about itself counts: what the network finds is decoded, suppressed and measured here, in rooms
that it has not seen.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from expectations import ATOL, RTOL, expect_floats
from torch import Generator, Tensor
from wrong import detection as wrong

from autograder.checks import (
    BoxPicture,
    Runs,
    call_limit,
    cpu_only,
    exercise,
    expect_close,
    expect_equal,
    expect_no_side_effects,
    expect_placement,
    expect_raises,
    expect_tensor,
    expect_true,
    expect_tuple,
    hint,
    misconception,
    not_simulated,
    oracle,
    picture,
    points,
)
from reference import detection as reference
from reference import metrics
from reference.scenes import Scene, scenes

detection = oracle(reference)

INVALID = "invalid arguments must raise, which is tested on the CPU only"
TRAINS = "a training run takes its time, and is judged by its result alone"
MORE_NUMBERS = "larger inputs, but no other path through the code than the small cases above"
FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
TRAINING_S = 60.0  # the docstring says 25 on one core; a busy machine takes longer, and is nobody's fault

AS_XYXY = "Boxes in `xxyy` are read as `xyxy`"
AS_XXYY = "Boxes in `xyxy` are read as `xxyy`"
CORNER_AS_CENTRE = "The first two numbers of `xywh` are taken for the centre"
CENTRE_AS_CORNER = "The first two numbers of `cxcywh` are taken for a corner"
SIZE_AS_CORNER = "Width and height are taken for the opposite corner"
PLUS_ONE = "Widths and heights are computed with `+ 1`"
MEAN_OF_FOUR = "The mean over the four coordinates is taken, not their sum"
SWAPPED_SIZE = "Height and width of the image are swapped"


# ---------------------------------------------------------------------------------------------- formats


@exercise("box_convert")
@points(0.5)
@hint("Write the names of the four numbers under each other, once per format. Which of them change their place?")
@misconception(AS_XYXY, wrong.convert_as_if(xxyy="xyxy"))
@misconception("The boxes come back as they are", wrong.convert_nothing)
@misconception(SIZE_AS_CORNER, wrong.convert_as_if(xywh="xyxy"))
@picture(
    BoxPicture(
        caption="One box. The lecture lists both x before both y; everybody else lists two corners.",
        boxes=((0, 0, 60, 40), (10, 5, 45, 30)),
        labels=("image", "box"),
    )
)
def check_order_of_the_lecture(student: Any) -> None:
    """`xxyy` becomes `xyxy`, and `xyxy` becomes `xxyy`."""
    some = boxes((10, 50, 20, 80), (3, 40, 7, 9))
    expect_floats(student.box_convert(some, "xxyy", "xyxy"), detection.box_convert(some, "xxyy", "xyxy"))
    some = boxes((10, 20, 50, 80), (3, 7, 40, 9))
    expect_floats(student.box_convert(some, "xyxy", "xxyy"), detection.box_convert(some, "xyxy", "xxyy"))


@exercise("box_convert")
@points(0.5)
@hint("Where does a box end that begins at 10 and is 40 wide? And which point of the box do the first numbers name?")
@misconception(CORNER_AS_CENTRE, wrong.convert_as_if(xywh="cxcywh"))
@misconception(SIZE_AS_CORNER, wrong.convert_as_if(xywh="xyxy"))
@misconception(PLUS_ONE, wrong.convert_with(plus_one=True))
@misconception("`in_fmt` and `out_fmt` are swapped", wrong.convert_back)
@misconception("The boxes come back as they are", wrong.convert_nothing)
def check_corner_and_size(student: Any) -> None:
    """`xywh` has the corner and the size of a box."""
    some = boxes((10, 20, 40, 60), (20, 30, 30, 40), (1.5, 0.25, 3, 8))
    expect_floats(student.box_convert(some, "xywh", "xyxy"), detection.box_convert(some, "xywh", "xyxy"))
    some = boxes((10, 20, 50, 80), (20, 30, 50, 70), (1.5, 0.25, 4.5, 8.25))
    expect_floats(student.box_convert(some, "xyxy", "xywh"), detection.box_convert(some, "xyxy", "xywh"))


@exercise("box_convert")
@points(0.5)
@hint("How far is it from the centre of a box to its left edge? And back: what lies in the middle of two edges?")
@misconception(CENTRE_AS_CORNER, wrong.convert_as_if(cxcywh="xywh"))
@misconception("From the centre to an edge it is half the size, not the whole", wrong.convert_with(halved=False))
@misconception(PLUS_ONE, wrong.convert_with(plus_one=True))
@misconception("The centre is rounded to a whole number", wrong.convert_with(whole=True))
@misconception("`in_fmt` and `out_fmt` are swapped", wrong.convert_back)
def check_centre_and_size(student: Any) -> None:
    """`cxcywh` has the centre and the size of a box."""
    some = boxes((30, 50, 40, 60), (35, 50, 31, 41), (3, 4.25, 3, 8))
    expect_floats(student.box_convert(some, "cxcywh", "xyxy"), detection.box_convert(some, "cxcywh", "xyxy"))
    some = boxes((10, 20, 51, 80), (20, 30, 50, 71), (1.5, 0.25, 4.5, 8.25))
    expect_floats(student.box_convert(some, "xyxy", "cxcywh"), detection.box_convert(some, "xyxy", "cxcywh"))


@exercise("box_convert")
@points(0.5)
@hint("There are sixteen pairs of formats. Is there a format that all others can pass through?")
@misconception(AS_XYXY, wrong.convert_as_if(xxyy="xyxy"))
@misconception(CORNER_AS_CENTRE, wrong.convert_as_if(xywh="cxcywh"))
@misconception(CENTRE_AS_CORNER, wrong.convert_as_if(cxcywh="xywh"))
@misconception(SIZE_AS_CORNER, wrong.convert_as_if(xywh="xyxy"))
@misconception(PLUS_ONE, wrong.convert_with(plus_one=True))
@misconception("The centre is rounded to a whole number", wrong.convert_with(whole=True))
def check_every_pair_of_formats(student: Any, generator: Generator) -> None:
    """Every format becomes every other one, and itself."""
    some = random_boxes(generator, 3)
    for in_fmt in reference.BOX_FORMATS:
        given = reference.box_convert(some, "xyxy", in_fmt)
        for out_fmt in reference.BOX_FORMATS:
            expected = detection.box_convert(given, in_fmt, out_fmt)
            expect_floats(student.box_convert(given, in_fmt, out_fmt), expected)


@exercise("box_convert")
@points(0.5)
@hint("Which results can be halves, though every number that goes in is whole? The docstring has a line on dtypes.")
def check_dtypes_of_converted_boxes(student: Any) -> None:
    """Floats and integers keep their dtype, centres of integers are float32, and bools become int64."""
    some = boxes((10, 20, 41, 80), (3, 7, 40, 9))
    for dtype in FLOATS:
        for out_fmt in ("xywh", "cxcywh", "xyxy"):
            expected = detection.box_convert(some, "xyxy", out_fmt)
            expect_close(student.box_convert(some.to(dtype), "xyxy", out_fmt), expected, dtype=dtype)
    for dtype in (torch.int64, torch.int32, torch.uint8):
        for out_fmt in ("xywh", "xxyy", "xyxy"):
            expected = reference.box_convert(some.to(dtype), "xyxy", out_fmt)
            expect_equal(student.box_convert(some.to(dtype), "xyxy", out_fmt), expected, dtype=dtype)
        expected = detection.box_convert(some, "xyxy", "cxcywh")
        expect_close(student.box_convert(some.to(dtype), "xyxy", "cxcywh"), expected, dtype=torch.float32)
    same = torch.tensor([[3, 5, 4, 2]])
    expect_close(student.box_convert(same, "cxcywh", "cxcywh"), same.double(), dtype=torch.float32)
    flags = torch.tensor([[False, True, True, True]])
    expected = reference.box_convert(flags, "xyxy", "xywh")
    expect_equal(student.box_convert(flags, "xyxy", "xywh"), expected, dtype=torch.int64)


@exercise("box_convert")
@points(0.5)
@hint("Only the last dimension has a meaning here. Do you index the first one, or write into what is not yours?")
def check_views_of_converted_boxes(student: Any) -> None:
    """One box, none, many dimensions and non-contiguous boxes work, and are left as they are."""
    some = boxes((10, 20, 50, 80), (3, 7, 40, 9), (1, 2, 3, 4), (5, 5, 6, 8))
    turned = some.reshape(2, 2, 4).transpose(0, 1)
    for view in (some[0], some[:0], turned, strided(some), some[::2], some[None, None, :1]):
        for in_fmt, out_fmt in (("xyxy", "cxcywh"), ("xxyy", "xywh"), ("cxcywh", "xxyy"), ("xywh", "xyxy")):
            actual = expect_no_side_effects(student, "box_convert", view, in_fmt, out_fmt)
            expect_floats(actual, detection.box_convert(view, in_fmt, out_fmt))


@exercise("box_convert")
@points(0.25)
@hint("A conversion writes the same numbers in another way. Who says that the first x is the smaller one?")
@misconception("The corners of inverted boxes are put in order", wrong.convert_with(ordered=True))
@misconception("Widths and heights are made positive", wrong.convert_with(absolute=True))
def check_inverted_boxes_are_kept(student: Any) -> None:
    """Nothing is reordered: an inverted box has a negative size, and comes back as it was."""
    some = boxes((50, 80, 10, 20), (40, 7, 3, 9), (3, 9, 40, 7))
    for out_fmt in ("xywh", "cxcywh", "xxyy"):
        written = detection.box_convert(some, "xyxy", out_fmt)
        expect_floats(student.box_convert(some, "xyxy", out_fmt), written)
        expect_floats(student.box_convert(written, out_fmt, "xyxy"), some)


@exercise("box_convert")
@points(0.25)
@hint("A network that predicts centres learns through this function. `detach`, `tolist` and numpy end the gradient.")
def check_gradient_of_converted_boxes(student: Any, generator: Generator) -> None:
    """Gradients flow through the conversion, and are right."""
    some = random_boxes(generator, 2)
    factor = torch.randn(2, 4, generator=generator, dtype=torch.float64)
    for in_fmt, out_fmt in (("cxcywh", "xxyy"), ("xyxy", "cxcywh"), ("xywh", "xyxy")):
        (actual,) = student.gradients("box_convert", some, in_fmt, out_fmt, weight=factor).inputs
        convert = functools.partial(reference.box_convert, in_fmt=in_fmt, out_fmt=out_fmt)
        expect_floats(actual, gradient(convert, some, factor))


@exercise("box_convert")
@cpu_only(INVALID)
@points(0.25)
@hint("What does your last `else` do with a format that nobody has heard of?")
def check_unknown_formats(student: Any) -> None:
    """Unknown formats, also equal ones, and rows that are not four numbers are refused."""
    some = boxes((10, 20, 50, 80))
    expect_floats(student.box_convert(some, "xyxy", "xxyy"), detection.box_convert(some, "xyxy", "xxyy"))
    expect_raises(lambda: student.box_convert(some, "xyxy", "yxyx"))
    expect_raises(lambda: student.box_convert(some, "yxyx", "xyxy"))
    expect_raises(lambda: student.box_convert(some, "yxyx", "yxyx"))
    expect_raises(lambda: student.box_convert(some, "xyxy", "XYXY"))
    expect_raises(lambda: student.box_convert(torch.ones(2, 5), "xyxy", "xywh"))
    expect_raises(lambda: student.box_convert(torch.ones(4, 3), "xxyy", "xyxy"))


@exercise("box_convert")
@points(0.25)
@hint("What you make yourself lives on the CPU unless you say where. `torch.stack` of what you were given does not.")
def check_placement_of_box_convert(runs: Runs) -> None:
    """On an accelerator, boxes are converted where they are."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- areas and borders


@exercise("box_area")
@points(0.5)
@hint("Which two of the four numbers are x, and which are y? Coordinates are continuous: from 10 to 50 it is 40.")
@misconception(AS_XXYY, wrong.area_of_xxyy)
@misconception("The boxes are read as x, y, width, height", wrong.area_of_sizes)
@misconception(PLUS_ONE, wrong.area_plus_one)
@misconception("The sides are added, not multiplied", wrong.area_is_perimeter)
def check_areas(student: Any) -> None:
    """The area is width times height, in pixels as in fractions of the image."""
    some = boxes((10, 20, 50, 80), (3, 5, 40, 9), (-4, -2, 6, 1))
    expect_floats(student.box_area(some), detection.box_area(some))
    expect_floats(student.box_area(some / 100), detection.box_area(some / 100))


@exercise("box_area")
@points(0.25)
@hint("What is minus three times minus four? The docstring's formula has a `max` for each side.")
@misconception("Sides are not clamped at 0, so that areas have signs", wrong.area_signed)
@misconception(
    "The area is clamped at 0, not each side: two negative sides make a positive area", wrong.area_clamped_late
)
@misconception("Inverted boxes are turned round", wrong.area_absolute)
def check_area_of_inverted_boxes(student: Any) -> None:
    """Inverted and flat boxes have area 0."""
    some = boxes((50, 80, 10, 20), (50, 20, 10, 80), (10, 80, 50, 20), (10, 20, 10, 80), (10, 20, 50, 80))
    expect_floats(student.box_area(some[3:]), detection.box_area(some[3:]))
    expect_floats(student.box_area(some), detection.box_area(some))


@exercise("box_area")
@points(0.25)
@hint("What is 300 x 300 in float16, and 10 - 20 in uint8? Convert before you compute.")
def check_dtypes_of_areas(student: Any) -> None:
    """Areas are float64 for float64 boxes and float32 for all others, also where the inputs' dtype is too small."""
    some = boxes((0, 0, 300, 250), (10, 20, 50, 80))
    for dtype in (*FLOATS, torch.int64, torch.int16):
        expected = detection.box_area(some.to(dtype))
        expect_close(
            student.box_area(some.to(dtype)), expected, dtype=dtype if dtype == torch.float64 else torch.float32
        )
    small = torch.tensor([[0, 0, 250, 200], [20, 30, 10, 60]], dtype=torch.uint8)
    expect_close(student.box_area(small), detection.box_area(small).double(), dtype=torch.float32)
    flags = torch.tensor([[False, False, True, True], [True, False, False, True]])
    expect_close(student.box_area(flags), detection.box_area(flags).double(), dtype=torch.float32)


@exercise("box_area")
@points(0.25)
@hint("The last dimension holds the four numbers, and the result has all the others.")
def check_views_and_gradient_of_areas(student: Any, generator: Generator) -> None:
    """One box, none and non-contiguous boxes work and are left as they are; gradients are right."""
    some = random_boxes(generator, 4)
    for view in (some[0], some[:0], some.reshape(2, 2, 4).transpose(0, 1), strided(some), some[::2]):
        expect_floats(expect_no_side_effects(student, "box_area", view), detection.box_area(view))
    factor = torch.randn(4, generator=generator, dtype=torch.float64)
    (actual,) = student.gradients("box_area", some, weight=factor).inputs
    expect_floats(actual, gradient(reference.box_area, some, factor))


@exercise("box_area")
@cpu_only(INVALID)
@points(0.125)
@hint("Slices never complain: how many numbers are left of three when you take those from the third on?")
def check_areas_of_no_boxes(student: Any) -> None:
    """Rows that are not four numbers are refused."""
    some = boxes((10, 20, 50, 80))
    expect_floats(student.box_area(some), detection.box_area(some))
    expect_raises(lambda: student.box_area(torch.ones(2, 5)))
    expect_raises(lambda: student.box_area(torch.ones(4, 3)))
    expect_raises(lambda: student.box_area(torch.ones(4, 2)))


@exercise("box_area")
@points(0.125)
@hint('`torch.zeros` lives on the CPU. Is there a way to say "at least 0" without a tensor of your own?')
def check_placement_of_box_area(runs: Runs) -> None:
    """On an accelerator, areas are where the boxes are."""
    expect_placement(runs)


@exercise("clip_boxes_to_image")
@points(0.5)
@hint("A box says x before y; the size of an image says height before width. Which number bounds which?")
@misconception(SWAPPED_SIZE, wrong.clip_with(swapped=True))
@misconception(AS_XXYY, wrong.clip_with(xxyy=True))
@misconception("The border is at the last pixel's number, W - 1, not at W", wrong.clip_with(last_pixel=True))
@misconception("Coordinates below 0 are not moved", wrong.clip_with(lower=False))
@misconception("Only coordinates below 0 are moved", wrong.clip_with(upper=False))
@misconception("The boxes are divided by the size of the image", wrong.clip_normalised)
@picture(
    BoxPicture(
        caption="A box that looks over the left and the right border of an image that is wider than high.",
        boxes=((0, 0, 60, 40), (-8, 10, 70, 35)),
        labels=("image", "box"),
    )
)
def check_coordinates_end_at_the_border(student: Any) -> None:
    """Coordinates outside of the image move to its border, and the others stay."""
    some = boxes((-5, 10, 250, 120), (10, -20, 150, 90), (10, 20, 90, 95), (0, 0, 200, 100), (120, 30, 199.5, 99.5))
    expect_floats(student.clip_boxes_to_image(some, (100, 200)), detection.clip_boxes_to_image(some, (100, 200)))
    some = boxes((-3, -3, 70, 40), (10, 20, 90, 95), (50, 90, 60, 130))
    expect_floats(student.clip_boxes_to_image(some, size=(120, 64)), detection.clip_boxes_to_image(some, (120, 64)))
    expect_floats(student.clip_boxes_to_image(some, (1, 1)), detection.clip_boxes_to_image(some, (1, 1)))


@exercise("clip_boxes_to_image")
@points(0.25)
@hint("How many boxes come back? Whoever has a list of scores beside the boxes wants to know.")
@misconception("Boxes without an area left are taken out", wrong.clip_drops)
@misconception("Coordinates below 0 are not moved", wrong.clip_with(lower=False))
def check_boxes_beside_the_image(student: Any) -> None:
    """A box that lies beside the image is kept, with area 0; an inverted one is not turned round."""
    some = boxes((-50, 10, -20, 40), (220, 10, 250, 40), (20, -30, 50, -10), (20, 110, 50, 130), (60, 40, 20, -10))
    expect_floats(student.clip_boxes_to_image(some, (100, 200)), detection.clip_boxes_to_image(some, (100, 200)))


@exercise("clip_boxes_to_image")
@points(0.25)
@hint("Which dtype does the docstring promise? Mind what an integer becomes when it meets a float.")
def check_dtypes_of_clipped_boxes(student: Any) -> None:
    """Boxes keep their dtype; bools become int64."""
    some = boxes((-5, 10, 120, 60), (10, -20, 50, 40))
    for dtype in FLOATS:
        expected = detection.clip_boxes_to_image(some, (48, 100))
        expect_close(student.clip_boxes_to_image(some.to(dtype), (48, 100)), expected, dtype=dtype)
    for dtype in (torch.int64, torch.int16):
        expected = reference.clip_boxes_to_image(some.to(dtype), (48, 100))
        expect_equal(student.clip_boxes_to_image(some.to(dtype), (48, 100)), expected, dtype=dtype)
    small = torch.tensor([[3, 9, 250, 200]], dtype=torch.uint8)
    expected = reference.clip_boxes_to_image(small, (150, 300))
    expect_equal(student.clip_boxes_to_image(small, (150, 300)), expected, dtype=torch.uint8)
    flags = torch.tensor([[False, False, True, True]])
    expected = reference.clip_boxes_to_image(flags, (3, 3))
    expect_equal(student.clip_boxes_to_image(flags, (3, 3)), expected, dtype=torch.int64)


@exercise("clip_boxes_to_image")
@points(0.25)
@hint("`clamp_` and `boxes[..., 0] = ` write into the caller's tensor.")
def check_views_of_clipped_boxes(student: Any) -> None:
    """One box, none and non-contiguous boxes work, and are left as they are; gradients stop at the border."""
    some = boxes((-5, 10, 250, 120), (10, -20, 150, 90), (10, 20, 90, 95), (5, 6, 7, 8))
    for view in (some[0], some[:0], some.reshape(2, 2, 4).transpose(0, 1), strided(some), some[::2]):
        actual = expect_no_side_effects(student, "clip_boxes_to_image", view, (100, 200))
        expect_floats(actual, detection.clip_boxes_to_image(view, (100, 200)))
    factor = torch.arange(16, dtype=torch.float64).reshape(4, 4) + 1
    (actual,) = student.gradients("clip_boxes_to_image", some, (100, 200), weight=factor).inputs
    expect_floats(actual, gradient(lambda b: reference.clip_boxes_to_image(b, (100, 200)), some, factor))


@exercise("clip_boxes_to_image")
@cpu_only(INVALID)
@points(0.125)
@hint("An image has two sides, and each of them is longer than nothing.")
def check_sizes_of_no_image(student: Any) -> None:
    """Rows that are not four numbers, and sizes that are not two positive numbers, are refused."""
    some = boxes((-5, 10, 250, 120))
    expect_floats(student.clip_boxes_to_image(some, (100, 200)), detection.clip_boxes_to_image(some, (100, 200)))
    for size in ((0, 10), (10, 0), (-4, 10), (10, -4), (10, 10, 3)):
        expect_raises(functools.partial(student.clip_boxes_to_image, some, size))
    expect_raises(lambda: student.clip_boxes_to_image(torch.ones(2, 5), (10, 10)))
    expect_raises(lambda: student.clip_boxes_to_image(torch.ones(4, 3), (10, 10)))


@exercise("clip_boxes_to_image")
@points(0.125)
@hint("The borders may be plain numbers. If they are a tensor, where does it live?")
def check_placement_of_clip_boxes_to_image(runs: Runs) -> None:
    """On an accelerator, boxes are clipped where they are."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- one object

PRED = ((0.2, 0.6, 0.1, 0.5), (0.9, 0.3, 0.75, 0.0), (0.5, 0.5, 0.25, 1.0))
TRUE = ((0.25, 0.65, 0.2, 0.5), (0.4, 0.7, 0.5, 0.125), (0.5, 0.25, 0.0, 0.375))
PIXELS, TRUE_PIXELS = (
    ((10.0, 50.5, 20.0, 80.0), (3.0, 40.0, 7.25, 9.0)),
    ((12.0, 50.0, 19.5, 83.0), (3.0, 41.0, 7.0, 8.0)),
)


@exercise("localization_loss")
@points(0.5)
@hint("Of how many numbers is the loss of one box the sum, and by which number is the sum over boxes divided?")
@misconception(MEAN_OF_FOUR, wrong.box_loss_with(per_box="mean"))
@misconception("The square root of the sum is taken", wrong.box_loss_with(root=True))
@misconception("The sum over the boxes is not divided by their number", wrong.box_loss_with(batch="sum"))
@misconception("Whatever `kind` is, absolute values are summed", wrong.box_loss_with(always="l1"))
@misconception("Whatever `kind` is, the smooth loss is computed", wrong.box_loss_with(always="smooth_l1"))
@misconception("The losses are not put together: there is one for each box", wrong.box_loss_with(batch="none"))
def check_squared_errors(student: Any) -> None:
    """`se` is the sum of the four squared errors, and by default the mean over the boxes."""
    for pred, target in ((boxes(*PRED), boxes(*TRUE)), (boxes(*PIXELS), boxes(*TRUE_PIXELS))):
        expect_floats(student.localization_loss(pred, target), detection.localization_loss(pred, target))
        expected = detection.localization_loss(pred, target, "se")
        expect_floats(student.localization_loss(pred, target, "se"), expected)


@exercise("localization_loss")
@points(0.25)
@hint("An error of -2 is as bad as an error of 2.")
@misconception(MEAN_OF_FOUR, wrong.box_loss_with(per_box="mean"))
@misconception("Whatever `kind` is, squares are summed", wrong.box_loss_with(always="se"))
@misconception("Whatever `kind` is, the smooth loss is computed", wrong.box_loss_with(always="smooth_l1"))
def check_absolute_errors(student: Any) -> None:
    """`l1` is the sum of the four absolute errors."""
    for pred, target in ((boxes(*PRED), boxes(*TRUE)), (boxes(*PIXELS), boxes(*TRUE_PIXELS))):
        expected = detection.localization_loss(pred, target, "l1")
        expect_floats(student.localization_loss(pred, target, kind="l1"), expected)


@exercise("localization_loss")
@points(0.5)
@hint("Draw both branches over d. Do they meet at 1, and which of them is the steeper one beyond?")
@misconception(MEAN_OF_FOUR, wrong.box_loss_with(per_box="mean"))
@misconception("The square is not halved", wrong.box_loss_with(half=False))
@misconception("The line is not lowered by 1/2: there is a step at 1", wrong.box_loss_with(offset=False))
@misconception("The two branches are swapped", wrong.box_loss_with(swapped=True))
@misconception("Whatever `kind` is, squares are summed", wrong.box_loss_with(always="se"))
@misconception("Whatever `kind` is, absolute values are summed", wrong.box_loss_with(always="l1"))
def check_smooth_errors(student: Any) -> None:
    """`smooth_l1` is half the square of small errors, and a line for large ones, of either sign."""
    for pred, target in (
        (boxes(*PIXELS), boxes(*TRUE_PIXELS)),
        (boxes(*PRED), boxes(*TRUE)),
        (boxes((0, 1, -1, 3)), boxes((0.5, 0, 0, -4))),
    ):
        expected = detection.localization_loss(pred, target, "smooth_l1")
        expect_floats(student.localization_loss(pred, target, "smooth_l1"), expected)


@exercise("localization_loss")
@points(0.5)
@hint("`mean` is a mean of boxes. How many numbers are left of N boxes with `none`?")
@misconception(MEAN_OF_FOUR, wrong.box_loss_with(per_box="mean"))
@misconception("`reduction` has no effect: the mean is always taken", wrong.box_loss_with(batch="mean"))
@misconception("`reduction` has no effect: the sum is always taken", wrong.box_loss_with(batch="sum"))
@misconception("`reduction` has no effect: the losses are never put together", wrong.box_loss_with(batch="none"))
def check_reductions_of_the_box_loss(student: Any) -> None:
    """`none` keeps one loss for each box, `sum` adds them, `mean` divides by their number."""
    for kind in reference.LOCALIZATION_LOSSES:
        for reduction in ("none", "sum", "mean"):
            for pred, target in ((boxes(*PRED), boxes(*TRUE)), (boxes(*PIXELS)[:1], boxes(*TRUE_PIXELS)[:1])):
                expected = detection.localization_loss(pred, target, kind, reduction)
                expect_floats(student.localization_loss(pred, target, kind, reduction=reduction), expected)


@exercise("localization_loss")
@points(0.25)
@hint("What are the sum and the mean of nothing? A mean of 0 would say that all was right.")
def check_loss_of_no_boxes(student: Any) -> None:
    """Of no boxes, the sum is 0, the mean is NaN, and `none` has no entry."""
    none = torch.zeros(0, 4, dtype=torch.float64)
    for kind in reference.LOCALIZATION_LOSSES:
        for reduction in ("none", "sum", "mean"):
            expected = detection.localization_loss(none, none, kind, reduction)
            expect_floats(student.localization_loss(none, none, kind, reduction), expected)


@exercise("localization_loss")
@points(0.25)
@hint("The prediction decides the dtype, unless it has none of its own. Integers can be subtracted, but not halved.")
def check_dtypes_of_the_box_loss(student: Any) -> None:
    """The loss has the dtype of the prediction; for integers float32, or float64 if the target is."""
    pred, target = boxes((1, 4, 2, 8), (3, 7, 4, 9)), boxes((2, 3, 2, 6), (3, 9, 4, 8))
    for kind in reference.LOCALIZATION_LOSSES:
        expected = detection.localization_loss(pred, target, kind)
        for dtype in FLOATS:
            expect_close(student.localization_loss(pred.to(dtype), target.to(dtype), kind), expected, dtype=dtype)
            expect_close(student.localization_loss(pred.to(dtype), target.long(), kind), expected, dtype=dtype)
        for left, right, dtype in (
            (pred.long(), target.long(), torch.float32),
            (pred.to(torch.uint8), target.to(torch.uint8), torch.float32),
            (pred.long(), target, torch.float64),
            (pred.float(), target, torch.float32),
        ):
            expect_close(student.localization_loss(left, right, kind), expected, dtype=dtype)
    flags = torch.tensor([[True, False, True, True]])
    expected = detection.localization_loss(pred[:1], flags)
    expect_close(student.localization_loss(pred[:1].long(), flags), expected, dtype=torch.float32)


@exercise("localization_loss")
@points(0.25)
@hint("A loss without a gradient trains nothing: `detach`, `item`, `tolist` and numpy end it.")
def check_gradient_of_the_box_loss(student: Any) -> None:
    """Gradients reach the predicted boxes, and are right."""
    pred, target, one = boxes(*PIXELS), boxes(*TRUE_PIXELS) + 0.125, torch.ones((), dtype=torch.float64)
    for kind in reference.LOCALIZATION_LOSSES:
        actual = student.gradients("localization_loss", pred, target, kind).inputs[0]
        expected = gradient(functools.partial(reference.localization_loss, target=target, kind=kind), pred, one)
        expect_floats(actual, expected)


@exercise("localization_loss")
@points(0.125)
@hint("Which of your operations ends with an underscore, or with `-=`?")
def check_views_of_the_box_loss(student: Any) -> None:
    """Non-contiguous boxes work, and nothing is changed."""
    pred, target = strided(boxes(*PRED)), strided(boxes(*TRUE))
    for kind in reference.LOCALIZATION_LOSSES:
        actual = expect_no_side_effects(student, "localization_loss", pred, target, kind)
        expect_floats(actual, detection.localization_loss(pred, target, kind))
    actual = expect_no_side_effects(student, "localization_loss", pred[::2], target[1:], "l1", "none")
    expect_floats(actual, detection.localization_loss(pred[::2], target[1:], "l1", "none"))


@exercise("localization_loss")
@cpu_only(INVALID)
@points(0.25)
@hint("PyTorch stretches one box over many, and your last `else` takes any word. Ask before you compute.")
def check_box_losses_of_what_does_not_fit(student: Any) -> None:
    """Unknown kinds and reductions and other shapes are refused, also where PyTorch would broadcast."""
    pred, target = boxes(*PRED), boxes(*TRUE)
    expect_floats(student.localization_loss(pred, target), detection.localization_loss(pred, target))
    expect_raises(lambda: student.localization_loss(pred, target, "l2"))
    expect_raises(lambda: student.localization_loss(pred, target, "se", "average"))
    expect_raises(lambda: student.localization_loss(pred, target[:1]))
    expect_raises(lambda: student.localization_loss(pred[:1], target))
    expect_raises(lambda: student.localization_loss(pred[0], target[0]))
    expect_raises(lambda: student.localization_loss(pred[:, :3], target[:, :3]))
    expect_raises(lambda: student.localization_loss(pred[None], target[None]))


@exercise("localization_loss")
@points(0.125)
@hint("Whatever you compare with or add to lives beside the boxes, or is a plain number.")
def check_placement_of_localization_loss(runs: Runs) -> None:
    """On an accelerator, the loss is where the boxes are."""
    expect_placement(runs)


LOGITS = ((2.0, 1.0, 0.0), (-0.5, 0.75, 1.5), (0.25, -2.0, 0.5))
TIMES_CLASS = "`lam` weighs the class loss, not the box loss"


@exercise("classification_localization_loss")
@points(0.75)
@hint("Take the output apart: which numbers are logits, which are coordinates? Then follow the formula term by term.")
@misconception("The logits go through a softmax before the cross-entropy", wrong.both_losses_with(probabilities=True))
@misconception("The class loss is the squared error of the probabilities", wrong.both_losses_with(squared=True))
@misconception("A sigmoid is taken of the coordinates", wrong.both_losses_with(sigmoid=True))
@misconception("The first four numbers are taken for the box", wrong.both_losses_with(box_first=True))
@misconception("The coordinates take part in the softmax", wrong.both_losses_with(rest=True))
@misconception(MEAN_OF_FOUR, wrong.both_losses_with(per_box="mean"))
@misconception("The losses of the samples are added, not averaged", wrong.both_losses_with(summed=True))
@misconception("The class loss is missing", wrong.both_losses_with(lam_class=lambda lam: 0.0))
@misconception("The box loss is missing", wrong.both_losses_with(lam_box=lambda lam: 0.0))
def check_class_and_box(student: Any) -> None:
    """The loss is the mean cross-entropy of the class plus the mean box loss."""
    output, classes, target = outputs()
    expected = detection.classification_localization_loss(output, classes, target)
    expect_floats(student.classification_localization_loss(output, classes, target), expected)
    for one in (slice(0, 1), slice(1, 2)):
        expected = detection.classification_localization_loss(output[one], classes[one], target[one])
        expect_floats(student.classification_localization_loss(output[one], classes[one], target[one]), expected)


@exercise("classification_localization_loss")
@points(0.5)
@hint("With `lam = 0` nobody asks where the object is. Which term is left?")
@misconception(TIMES_CLASS, wrong.both_losses_with(lam_box=lambda lam: 1.0, lam_class=lambda lam: lam))
@misconception("`lam` weighs both losses", wrong.both_losses_with(lam_class=lambda lam: lam))
@misconception("`lam` is squared", wrong.both_losses_with(lam_box=lambda lam: lam * lam))
@misconception("`lam` has no effect", wrong.both_losses_with(lam_box=lambda lam: 1.0))
@misconception("The class loss is weighed with `1 - lam`", wrong.both_losses_with(lam_class=lambda lam: 1 - lam))
@misconception(MEAN_OF_FOUR, wrong.both_losses_with(per_box="mean"))
def check_weight_of_the_box_loss(student: Any) -> None:
    """`lam` weighs the box loss, and nothing else."""
    output, classes, target = outputs()
    for lam in (5.0, 0.25, 0.0, 2):
        expected = detection.classification_localization_loss(output, classes, target, lam)
        expect_floats(student.classification_localization_loss(output, classes, target, lam=lam), expected)


@exercise("classification_localization_loss")
@points(0.25)
@hint("Which of your functions knows the kinds of box losses already?")
@misconception("Whatever `kind` is, squares are summed", wrong.both_losses_with(always="se"))
@misconception(MEAN_OF_FOUR, wrong.both_losses_with(per_box="mean"))
def check_kind_of_the_box_loss(student: Any) -> None:
    """The box loss is of the kind that is asked for."""
    output, classes, target = outputs()
    for kind in ("l1", "smooth_l1", "se"):
        expected = detection.classification_localization_loss(output, classes, target * 3, 0.5, kind)
        expect_floats(student.classification_localization_loss(output, classes, target * 3, 0.5, kind=kind), expected)


@exercise("classification_localization_loss")
@points(0.25)
@hint("Which step makes an infinity of a logit of 1000, and need it be taken at all?")
def check_large_logits_of_the_sum(student: Any) -> None:
    """Large logits have a finite loss, and one class costs nothing."""
    output, classes, target = outputs()
    steep = torch.cat((output[:, :3] * 1000, output[:, 3:]), 1)
    expected = detection.classification_localization_loss(steep, classes, target)
    expect_floats(student.classification_localization_loss(steep, classes, target), expected)
    single, zeros = output[:, 2:], torch.zeros(3, dtype=torch.int64)
    expected = detection.classification_localization_loss(single, zeros, target, 2.0)
    expect_floats(student.classification_localization_loss(single, zeros, target, 2.0), expected)


@exercise("classification_localization_loss")
@points(0.25)
@hint("A batch may be empty. What is the mean of nothing?")
def check_sum_of_no_samples(student: Any) -> None:
    """Without a sample, the loss is NaN."""
    output, classes, target = outputs()
    expected = detection.classification_localization_loss(output[:0], classes[:0], target[:0])
    expect_floats(student.classification_localization_loss(output[:0], classes[:0], target[:0]), expected)


@exercise("classification_localization_loss")
@points(0.25)
@hint("The result has the dtype of the output of the network, whatever the targets have.")
def check_dtypes_of_the_sum(student: Any) -> None:
    """The loss has the dtype of the output; classes of any integer dtype and bools work, boxes may be integers."""
    output, classes, _ = outputs()
    target = boxes((0, 1, 0, 1), (1, 1, 0, 1), (1, 0, 0, 1))
    expected = detection.classification_localization_loss(output, classes, target)
    for dtype in FLOATS:
        actual = student.classification_localization_loss(output.to(dtype), classes, target.to(dtype))
        expect_rounded(actual, expected, dtype)
    for dtype in (torch.int32, torch.uint8):
        expect_close(
            student.classification_localization_loss(output.float(), classes.to(dtype), target.long()),
            expected,
            dtype=torch.float32,
        )
    flags = torch.tensor([True, False, True])
    expected = detection.classification_localization_loss(output, flags, target)
    expect_close(student.classification_localization_loss(output.float(), flags, target), expected, dtype=torch.float32)


@exercise("classification_localization_loss")
@points(0.25)
@hint("Both halves of the output must learn. What interrupts the gradient?")
def check_gradient_of_the_sum(student: Any) -> None:
    """Gradients reach the logits and the coordinates, and are right."""
    output, classes, target = outputs()
    actual = student.gradients("classification_localization_loss", output, classes, target, 2.0, "smooth_l1").inputs[0]
    loss = functools.partial(
        reference.classification_localization_loss, class_target=classes, box_target=target, lam=2.0, kind="smooth_l1"
    )
    expect_floats(actual, gradient(loss, output, torch.ones((), dtype=torch.float64)))


@exercise("classification_localization_loss")
@points(0.125)
@hint("`view` asks for contiguous memory; and what you cut out of a tensor is still the caller's.")
def check_views_of_the_sum(student: Any) -> None:
    """Non-contiguous tensors work, and nothing is changed."""
    output, classes, target = outputs()
    views = strided(output), strided(classes), strided(target)
    actual = expect_no_side_effects(student, "classification_localization_loss", *views)
    expect_floats(actual, detection.classification_localization_loss(*views))


@exercise("classification_localization_loss")
@cpu_only(INVALID)
@points(0.25)
@hint("Which classes have no logit? Mind the negative ones, the floats, and an output that has no room for a class.")
def check_sums_of_what_does_not_fit(student: Any) -> None:
    """Integer outputs, outputs without a class, other shapes, missing classes and unknown kinds are refused."""
    output, classes, target = outputs()
    ask = student.classification_localization_loss
    expect_floats(ask(output, classes, target), detection.classification_localization_loss(output, classes, target))
    expect_raises(lambda: ask(output.long(), classes, target))
    expect_raises(lambda: ask(output[:, :4], classes, target))
    expect_raises(lambda: ask(output[0], classes[0], target[0]))
    expect_raises(lambda: ask(output, classes[:2], target))
    expect_raises(lambda: ask(output, classes, target[:1]))
    expect_raises(lambda: ask(output, classes[:, None], target))
    expect_raises(lambda: ask(output, torch.tensor([0, 3, 1]), target))
    expect_raises(lambda: ask(output, torch.tensor([0, -1, 1]), target))
    expect_raises(lambda: ask(output, classes.double(), target))
    expect_raises(lambda: ask(output, classes, target, 1.0, "l2"))


@exercise("classification_localization_loss")
@points(0.125)
@hint("What picks the logit of the true class, and where does it live?")
def check_placement_of_classification_localization_loss(runs: Runs) -> None:
    """On an accelerator, the loss is where the output is."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- the grid

ROOM = ((10.0, 50.0, 70.0, 90.0), (120.0, 180.0, 5.0, 25.0), (60.0, 70.0, 30.0, 58.0), (150.0, 158.0, 60.0, 99.0))
KINDS = (2, 0, 1, 2)


@exercise("encode_targets")
@points(1)
@hint("Which coordinate of the centre counts the rows? Draw the grid over an image and point at the cell.")
@misconception("Row and column are swapped", wrong.encode_with(transposed=True))
@misconception(AS_XYXY, wrong.encode_with(xyxy=True))
@misconception("The cell is that of the upper left corner, not of the centre", wrong.encode_with(corner=True))
@misconception("The place of the centre is rounded, not rounded down", wrong.encode_with(rounded=True))
@misconception(SWAPPED_SIZE, wrong.encode_with(sizes="WH"))
@misconception("Every slot of the cell gets the object", wrong.encode_with(slot="all"))
@misconception("The last free slot of the cell is taken", wrong.encode_with(slot="last"))
@picture(
    BoxPicture(
        caption="A box over a grid of 2 x 2 cells: its centre is in the upper right cell, most of its corners are not.",
        boxes=((0, 0, 30, 20), (30, 0, 60, 20), (0, 20, 30, 40), (30, 20, 60, 40), (22, 4, 50, 26)),
        labels=("", "", "", "", "object"),
    )
)
def check_responsible_cell(student: Any) -> None:
    """The cell that holds the centre of an object is responsible for it; the row comes first."""
    room, kinds = boxes(*ROOM), torch.tensor(KINDS)
    square = room * torch.tensor([0.5, 0.5, 1.0, 1.0], dtype=torch.float64)
    for B in (3, 1):
        actual = student.encode_targets(square, kinds, 4, B, 3, (100, 100))
        expect_objects(actual, detection.encode_targets(square, kinds, 4, B, 3, (100, 100)))
    actual = student.encode_targets(square[:1], kinds[:1], S=2, B=1, C=3, image_size=(100, 100))
    expect_objects(actual, detection.encode_targets(square[:1], kinds[:1], 2, 1, 3, (100, 100)))


@exercise("encode_targets")
@points(0.75)
@hint("Two of the four numbers are x. By which side of the image are they divided?")
@misconception("The coordinates are divided by W, H, W, H: the order of xyxy", wrong.encode_with(scale="WHWH"))
@misconception("x is divided by the height and y by the width", wrong.encode_with(scale="HHWW"))
@misconception("The boxes are left in pixels", wrong.encode_with(scale="1111"))
@misconception("The boxes are stored as xyxy", wrong.encode_with(stored="xyxy"))
@misconception("The boxes are stored as centre and size", wrong.encode_with(stored="cxcywh"))
@misconception("The boxes are stored relative to their cell", wrong.encode_with(stored="cell"))
@misconception("The boxes are clipped to the image", wrong.encode_with(clipped=True))
@misconception(AS_XYXY, wrong.encode_with(xyxy=True))
def check_boxes_in_fractions_of_the_image(student: Any) -> None:
    """Boxes are stored as they are, in `xxyy`, divided by the size of the image."""
    room, kinds = boxes(*ROOM), torch.tensor(KINDS)
    expected = detection.encode_targets(room, kinds, 4, 1, 3, (100, 200))
    expect_stored(student.encode_targets(room, kinds, 4, 1, 3, (100, 200)), expected)
    over = boxes((-20, 50, 70, 110), (120, 230, -5, 25))
    expected = detection.encode_targets(over, kinds[:2], 2, 2, 3, (100, 200))
    expect_stored(student.encode_targets(over, kinds[:2], 2, 2, 3, (100, 200)), expected)


@exercise("encode_targets")
@points(0.5)
@hint("Cells are as wide as the image allows, and as high: in an image that is not square, neither are they.")
@misconception(SWAPPED_SIZE, wrong.encode_with(sizes="WH"))
@misconception("Row and column are swapped", wrong.encode_with(transposed=True))
@misconception(AS_XYXY, wrong.encode_with(xyxy=True))
def check_images_that_are_not_square(student: Any) -> None:
    """In an image that is not square, rows are counted by the height and columns by the width."""
    room, kinds = boxes(*ROOM), torch.tensor(KINDS)
    for S in (4, 5):
        expected = detection.encode_targets(room, kinds, S, 1, 3, (100, 200))
        expect_objects(student.encode_targets(room, kinds, S, 1, 3, (100, 200)), expected)
    tall = room[:, [2, 3, 0, 1]]
    expect_objects(
        student.encode_targets(tall, kinds, 4, 1, 3, (200, 100)),
        detection.encode_targets(tall, kinds, 4, 1, 3, (200, 100)),
    )
    expect_objects(
        student.encode_targets(room / 100, kinds, 4, 1, 3, (1, 2)),
        detection.encode_targets(room / 100, kinds, 4, 1, 3, (1, 2)),
    )


@exercise("encode_targets")
@points(0.5)
@hint("Which cell would hold a centre that lies exactly on the right border? How many cells are there?")
@misconception("Cell S is taken for cell 0", wrong.encode_with(wrapped=True))
@misconception("Objects whose centre is on the border, or outside, are left out", wrong.encode_with(outside_lost=True))
@misconception("The boxes are clipped before their centre is taken", wrong.encode_with(clipped=True))
def check_centres_on_the_border(student: Any) -> None:
    """A centre on the right or bottom border, or outside of the image, belongs to the nearest cell."""
    room, kinds = boxes((180, 220, 40, 44), (20, 30, 90, 110), (-40, 10, 5, 9)), torch.tensor([0, 1, 2])
    for pair in (slice(0, 1), slice(1, 2), slice(2, 3), slice(0, 3)):
        expected = detection.encode_targets(room[pair], kinds[pair], 4, 1, 3, (100, 200))
        expect_objects(student.encode_targets(room[pair], kinds[pair], 4, 1, 3, (100, 200)), expected)
    far = boxes((400, 420, -90, -70), (190, 210, 90, 110), (-30, 10, 130, 180))
    expected = detection.encode_targets(far, kinds, 4, 1, 3, (100, 200))
    expect_objects(student.encode_targets(far, kinds, 4, 1, 3, (100, 200)), expected)


@exercise("encode_targets")
@points(0.5)
@hint("The docstring's brackets round down. What do they make of a whole number?")
@misconception("A centre on the line between two cells is put into the lower one", wrong.encode_with(lower_line=True))
@misconception("The place of the centre is rounded, not rounded down", wrong.encode_with(rounded=True))
def check_centres_on_a_line(student: Any) -> None:
    """A centre on the line between two cells belongs to the higher one."""
    room, kinds = boxes((40, 88, 10, 20), (20, 24, 60, 68), (100, 156, 24, 40)), torch.tensor([0, 1, 2])
    expected = detection.encode_targets(room, kinds, 4, 1, 3, (128, 256))
    expect_objects(student.encode_targets(room, kinds, 4, 1, 3, (128, 256)), expected)


@exercise("encode_targets")
@points(0.75)
@hint("A cell has B slots. Who sits in the first one when the second object comes?")
@misconception("Objects of one cell overwrite each other in one slot", wrong.encode_with(slot="same"))
@misconception("The slots of a cell are filled from the last one", wrong.encode_with(slot="last"))
@misconception("Every slot of the cell gets the object", wrong.encode_with(slot="all"))
@picture(
    BoxPicture(
        caption="A chair before a table: two objects whose centres fall into one cell need two slots.",
        boxes=((0, 0, 60, 40), (8, 6, 52, 34), (22, 10, 40, 36)),
        labels=("cell", "table", "chair"),
    )
)
def check_slots_are_filled_in_order(student: Any) -> None:
    """Objects with centres in the same cell take its slots, in the order of the rows."""
    room = boxes((10, 30, 10, 30), (150, 170, 70, 90), (12, 32, 8, 12), (14, 16, 14, 40), (140, 176, 60, 96))
    kinds = torch.tensor([1, 0, 2, 2, 1])
    for B in (3, 4):
        expected = detection.encode_targets(room, kinds, 2, B, 3, (100, 200))
        expect_objects(student.encode_targets(room, kinds, 2, B, 3, (100, 200)), expected)
    back = room.flip(0), kinds.flip(0)
    expected = detection.encode_targets(*back, 2, 3, 3, (100, 200))
    expect_stored(student.encode_targets(*back, 2, 3, 3, (100, 200)), expected)


@exercise("encode_targets")
@points(0.25)
@hint("Classes are counted from 0, and the background is none of them: that is what `obj` is for.")
@misconception("Classes are counted from 1", wrong.encode_with(first_class=1))
@misconception("Empty slots have the class C, as if the background were a class", wrong.encode_with(background=3))
@misconception("Empty slots have the class -1", wrong.encode_with(background=-1))
def check_classes_and_empty_slots(student: Any) -> None:
    """A slot holds the class of its object; empty slots hold 0 throughout."""
    room, kinds = boxes(*ROOM), torch.tensor(KINDS)
    expect_encoded(
        student.encode_targets(room, kinds, 4, 2, 3, (100, 200)),
        detection.encode_targets(room, kinds, 4, 2, 3, (100, 200)),
    )


@exercise("encode_targets")
@points(0.25)
@hint("A room may be empty. Its grid has as many cells as any other.")
def check_image_without_objects(student: Any) -> None:
    """Without an object, all slots are empty; a grid of one cell works, too."""
    room, kinds = boxes(*ROOM), torch.tensor(KINDS)
    for S, B in ((3, 2), (1, 1)):
        expected = detection.encode_targets(room[:0], kinds[:0], S, B, 3, (100, 200))
        expect_encoded(student.encode_targets(room[:0], kinds[:0], S, B, 3, (100, 200)), expected)
    zero = torch.zeros(1, dtype=torch.int64)
    expected = detection.encode_targets(room[:1], zero, 1, 1, 1, (100, 200))
    expect_encoded(student.encode_targets(room[:1], zero, 1, 1, 1, (100, 200)), expected)


@exercise("encode_targets")
@points(0.5)
@hint("Three tensors come back, and the docstring says of each which dtype it has. What becomes of integer boxes?")
def check_dtypes_of_encoded_targets(student: Any) -> None:
    """`obj` and `box` have the dtype of the boxes (float32 for integers), `cls` is int64."""
    room, kinds = boxes(*ROOM), torch.tensor(KINDS)
    expected = detection.encode_targets(room, kinds, 4, 2, 3, (100, 200))
    for dtype in (*FLOATS, torch.int64, torch.uint8):
        wanted = dtype if dtype.is_floating_point else torch.float32
        actual = student.encode_targets(room.to(dtype), kinds, 4, 2, 3, (100, 200))
        obj, cls, box = expect_tuple(actual, 3)
        expect_close(obj, expected[0].double(), dtype=wanted)
        expect_equal(cls, expected[1], dtype=torch.int64)
        expect_close(box, expected[2], dtype=wanted)
    for dtype in (torch.uint8, torch.int32):
        cls = expect_tuple(student.encode_targets(room.float(), kinds.to(dtype), 4, 2, 3, (100, 200)), 3)[1]
        expect_equal(cls, expected[1], dtype=torch.int64)
    flags = torch.tensor([True, False, True, False])
    cls = expect_tuple(student.encode_targets(room, flags, 4, 1, 2, (100, 200)), 3)[1]
    expect_equal(cls, reference.encode_targets(room, flags, 4, 1, 2, (100, 200))[1], dtype=torch.int64)


@exercise("encode_targets")
@points(0.25)
@hint("`boxes[:, :2] /= W` writes into the caller's boxes.")
def check_views_of_encoded_targets(student: Any) -> None:
    """Non-contiguous boxes and labels work, and are left as they are."""
    views = strided(boxes(*ROOM)), strided(torch.tensor(KINDS))
    actual = expect_no_side_effects(student, "encode_targets", *views, 4, 2, 3, (100, 200))
    expect_objects(actual, detection.encode_targets(*views, 4, 2, 3, (100, 200)))
    views = boxes(*ROOM)[::2], torch.tensor(KINDS)[::2]
    actual = expect_no_side_effects(student, "encode_targets", *views, 4, 1, 3, (100, 200))
    expect_stored(actual, detection.encode_targets(*views, 4, 1, 3, (100, 200)))


@exercise("encode_targets")
@cpu_only(INVALID)
@points(0.25)
@hint(
    "What does your function do with one object more than there are slots? To lose it in silence is the worst answer."
)
def check_cells_that_are_full(student: Any) -> None:
    """More than B centres in one cell are refused, B are not."""
    room, kinds = boxes((10, 30, 10, 30), (12, 32, 8, 12), (14, 16, 14, 40)), torch.tensor([1, 2, 0])
    expected = detection.encode_targets(room, kinds, 2, 3, 3, (100, 200))
    expect_objects(student.encode_targets(room, kinds, 2, 3, 3, (100, 200)), expected)
    expect_raises(lambda: student.encode_targets(room, kinds, 2, 2, 3, (100, 200)))
    expect_raises(lambda: student.encode_targets(room[:2], kinds[:2], 2, 1, 3, (100, 200)))


@exercise("encode_targets")
@cpu_only(INVALID)
@points(0.25)
@hint("Go through the arguments: for each of them, what could be wrong with it?")
def check_targets_that_do_not_fit(student: Any) -> None:
    """Boxes, labels, grids and sizes that cannot be are refused."""
    room, kinds, size = boxes(*ROOM), torch.tensor(KINDS), (100, 200)
    ask = student.encode_targets
    expect_objects(ask(room, kinds, 4, 1, 3, size), detection.encode_targets(room, kinds, 4, 1, 3, size))
    expect_raises(lambda: ask(room[0], kinds[:1], 4, 1, 3, size))
    expect_raises(lambda: ask(torch.ones(4, 5), kinds, 4, 9, 3, size))
    expect_raises(lambda: ask(room, kinds[:3], 4, 1, 3, size))
    expect_raises(lambda: ask(room[:3], kinds, 4, 1, 3, size))
    expect_raises(lambda: ask(room, kinds[:, None], 4, 1, 3, size))
    expect_raises(lambda: ask(room, kinds.double(), 4, 1, 3, size))
    expect_raises(lambda: ask(room, kinds, 4, 1, 2, size))
    expect_raises(lambda: ask(room, kinds - 1, 4, 1, 3, size))
    for S, B, C in ((0, 1, 3), (4, 0, 3), (4, 1, 0), (-1, 1, 3)):
        expect_raises(functools.partial(ask, room[:0], kinds[:0], S, B, C, size))
    for wrong_size in ((0, 200), (100, 0), (-100, 200), (100, 200, 3)):
        expect_raises(functools.partial(ask, room[:0], kinds[:0], 4, 1, 3, wrong_size))


@exercise("encode_targets")
@points(0.25)
@hint("You make three tensors of your own here. `device=boxes_xxyy.device` puts each of them beside the boxes.")
def check_placement_of_encode_targets(runs: Runs) -> None:
    """On an accelerator, targets are where the boxes are."""
    expect_placement(runs)


DOUBLE_SIGMOID = "The confidences go through a second sigmoid"
DOUBLE_SOFTMAX = "The class scores go through a second softmax"


@exercise("decode_predictions")
@points(0.75)
@hint("Which of the numbers of a slot is the confidence, and which function makes a probability of one number?")
@misconception("The confidences are raw: no sigmoid is taken", wrong.decode_with(conf="raw"))
@misconception(DOUBLE_SIGMOID, wrong.decode_with(conf="twice"))
@misconception("The confidences are clamped to [0, 1]", wrong.decode_with(conf="clamped"))
@misconception("The slots of a cell share a softmax: their confidences sum to 1", wrong.decode_with(conf="slots"))
@misconception(
    "The confidence is part of the softmax over the classes, as if it were a background class",
    wrong.decode_with(conf="softmax", classes="with confidence"),
)
@misconception("The last number of a slot is taken for the confidence", wrong.decode_with(layout="conf last"))
@misconception("The first four numbers of a slot are taken for its box", wrong.decode_with(layout="box first"))
def check_decoded_confidences(student: Any, generator: Generator) -> None:
    """The confidence of a slot is the sigmoid of its first number."""
    pred = raw_outputs(generator, 2, 2, 2, 3)
    conf, _, _ = expect_tuple(student.decode_predictions(pred, (100, 200)), 3)
    expect_floats(conf, detection.decode_predictions(pred, (100, 200))[0])


@exercise("decode_predictions")
@points(0.75)
@hint("An object has exactly one of the classes. Over which numbers does the softmax run, and how often?")
@misconception(DOUBLE_SOFTMAX, wrong.decode_with(classes="softmax twice"))
@misconception("The class scores are raw: no softmax is taken", wrong.decode_with(classes="raw"))
@misconception("Each class has a sigmoid, not all classes a softmax", wrong.decode_with(classes="sigmoid"))
@misconception("The softmax runs over the slots, not over the classes", wrong.decode_with(classes="softmax over slots"))
@misconception("The softmax runs over the cells, not over the classes", wrong.decode_with(classes="softmax over cells"))
@misconception(
    "The confidence takes part in the softmax over the classes", wrong.decode_with(classes="with confidence")
)
@misconception(
    "The confidence is part of the softmax over the classes, as if it were a background class",
    wrong.decode_with(conf="softmax", classes="with confidence"),
)
@misconception("The class probabilities are multiplied by the confidence", wrong.decode_with(multiplied=True))
@misconception(
    "The slots of a cell share the class scores of the first one, as in YOLO",
    wrong.decode_with(layout="shared classes"),
)
@misconception("The first four numbers of a slot are taken for its box", wrong.decode_with(layout="box first"))
def check_decoded_classes(student: Any, generator: Generator) -> None:
    """The class probabilities of a slot are the softmax of its class scores."""
    pred = raw_outputs(generator, 2, 2, 2, 3)
    _, probs, _ = expect_tuple(student.decode_predictions(pred, (100, 200)), 3)
    expect_floats(probs, detection.decode_predictions(pred, (100, 200))[1])
    _, probs, _ = expect_tuple(student.decode_predictions(pred, (100, 200), class_activation="softmax"), 3)
    expect_floats(probs, detection.decode_predictions(pred, (100, 200))[1])


@exercise("decode_predictions")
@points(0.5)
@hint("If each class is a question of its own, need the answers sum to 1?")
@misconception("`class_activation` has no effect: a softmax is taken", wrong.decode_with(classes="softmax"))
@misconception("The class scores are raw: no sigmoid is taken", wrong.decode_with(classes="raw"))
@misconception("The class scores go through a second sigmoid", wrong.decode_with(classes="twice"))
@misconception("The class probabilities are multiplied by the confidence", wrong.decode_with(multiplied=True))
def check_classes_with_sigmoid(student: Any, generator: Generator) -> None:
    """With `sigmoid`, each class has a probability of its own."""
    pred = raw_outputs(generator, 2, 2, 2, 3)
    _, probs, _ = expect_tuple(student.decode_predictions(pred, (100, 200), class_activation="sigmoid"), 3)
    expect_floats(probs, detection.decode_predictions(pred, (100, 200), "sigmoid")[1])


@exercise("decode_predictions")
@points(1)
@hint("The four numbers are two x and two y. What do they lie between, before and after they are scaled?")
@misconception("The boxes are scaled by W, H, W, H: the order of xyxy", wrong.decode_with(scale="WHWH"))
@misconception("x is scaled by the height and y by the width", wrong.decode_with(scale="HHWW"))
@misconception("The coordinates are raw: no sigmoid is taken", wrong.decode_with(box="raw"))
@misconception("The coordinates are clamped to [0, 1]: no sigmoid is taken", wrong.decode_with(box="clamped"))
@misconception("The coordinates go through a second sigmoid", wrong.decode_with(box="twice"))
@misconception("The coordinates go through tanh, not through a sigmoid", wrong.decode_with(box="tanh"))
@misconception("The coordinates are fractions of the image, not pixels", wrong.decode_with(scale="1111"))
@misconception("The boxes are returned as xyxy", wrong.decode_with(stored="xyxy"))
@misconception("The four numbers are taken for centre and size", wrong.decode_with(stored="cxcywh"))
@misconception("The corners are put in order", wrong.decode_with(ordered=True))
@misconception("The first four numbers of a slot are taken for its box", wrong.decode_with(layout="box first"))
def check_decoded_boxes(student: Any, generator: Generator) -> None:
    """The boxes are `xxyy` in pixels: a sigmoid times the size of the image."""
    pred = raw_outputs(generator, 2, 2, 2, 3)
    pred[..., -4:] = pred[..., -4:].reshape(2, 2, 2, 2, 2, 2).sort(-1).values.flatten(-2)
    for size in ((100, 200), (64, 48)):
        _, _, found = expect_tuple(student.decode_predictions(pred, size), 3)
        expect_floats(found, detection.decode_predictions(pred, size)[2])


@exercise("decode_predictions")
@points(0.25)
@hint("What the network says is taken as it is, even if a box ends before it begins.")
@misconception("The corners are put in order", wrong.decode_with(ordered=True))
def check_decoded_boxes_are_not_reordered(student: Any) -> None:
    """A predicted box may end before it begins: nothing is reordered."""
    pred = torch.zeros(1, 1, 1, 2, 7, dtype=torch.float64)
    pred[..., -4:] = torch.tensor([[2.0, -2.0, 0.5, -0.25], [-1.0, 1.0, 3.0, 0.0]])
    _, _, found = expect_tuple(student.decode_predictions(pred, (100, 200)), 3)
    expect_floats(found, detection.decode_predictions(pred, (100, 200))[2])


@exercise("decode_predictions")
@points(0.25)
@hint("What is the exponential of 10000, and what is infinity divided by infinity?")
def check_large_raw_outputs(student: Any, generator: Generator) -> None:
    """Very large raw outputs give probabilities of 0 and 1, and no NaN."""
    pred = raw_outputs(generator, 1, 2, 2, 3) * 10_000
    for activation in ("softmax", "sigmoid"):
        actual = student.decode_predictions(pred, (100, 200), activation)
        expect_decoded(actual, detection.decode_predictions(pred, (100, 200), activation))


@exercise("decode_predictions")
@points(0.25)
@hint("All three results have the dtype of the prediction. What does your scale have?")
def check_dtypes_of_decoded_predictions(student: Any, generator: Generator) -> None:
    """Confidences, probabilities and boxes have the dtype of the prediction."""
    pred = raw_outputs(generator, 1, 2, 1, 2)
    for dtype in FLOATS:
        actual = expect_tuple(student.decode_predictions(pred.to(dtype), (64, 48)), 3)
        for tensor, expected in zip(actual, detection.decode_predictions(pred.to(dtype), (64, 48)), strict=True):
            expect_rounded(tensor, expected, dtype)


@exercise("decode_predictions")
@points(0.25)
@hint("How many classes are there? Only the last dimension of the prediction can tell.")
def check_other_grids(student: Any, generator: Generator) -> None:
    """One class, one slot, one cell, many of them and no image work."""
    for N, S, B, C in ((2, 1, 1, 1), (1, 3, 3, 5), (0, 2, 2, 3), (1, 7, 2, 1)):
        pred = raw_outputs(generator, N, S, B, C)
        expect_decoded(student.decode_predictions(pred, (100, 200)), detection.decode_predictions(pred, (100, 200)))
        expect_decoded(student.decode_predictions(pred, (1, 1)), detection.decode_predictions(pred, (1, 1)))


@exercise("decode_predictions")
@points(0.25)
@hint("`detach`, `tolist` and numpy end the gradient.")
def check_gradient_of_decoded_predictions(student: Any, generator: Generator) -> None:
    """Gradients flow through all three results, and are right."""
    pred = raw_outputs(generator, 1, 2, 2, 3)
    student.run("given", "def decoded(pred, size, part):\n    return decode_predictions(pred, size)[part]\n")
    for part, expected in enumerate(detection.decode_predictions(pred, (100, 200))):
        factor = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
        (actual,) = student.gradients("decoded", pred, (100, 200), part, weight=factor).inputs
        decode = functools.partial(_decoded_part, part=part)
        expect_floats(actual, gradient(decode, pred, factor))


@exercise("decode_predictions")
@points(0.25)
@hint("A network gives (N, channels, S, S); permuted, that is no longer contiguous. `view` minds, `reshape` does not.")
def check_views_of_decoded_predictions(student: Any, generator: Generator) -> None:
    """Permuted and non-contiguous predictions work, and are left as they are."""
    pred = raw_outputs(generator, 2, 2, 2, 3)
    permuted = pred.permute(0, 3, 4, 1, 2).contiguous().permute(0, 3, 4, 1, 2)
    for view in (permuted, pred.transpose(1, 2), pred[::2], pred.flip(3)):
        actual = expect_no_side_effects(student, "decode_predictions", view, (100, 200))
        expect_decoded(actual, detection.decode_predictions(view, (100, 200)))


@exercise("decode_predictions")
@cpu_only(INVALID)
@points(0.25)
@hint("Five dimensions, a square grid, at least one class, a size, and a word that is known: which do you ask for?")
def check_predictions_that_do_not_fit(student: Any) -> None:
    """Integer predictions, other shapes, unknown activations and impossible sizes are refused."""
    pred, ask = torch.zeros(1, 2, 2, 1, 8, dtype=torch.float64), student.decode_predictions
    expect_decoded(ask(pred, (100, 200)), detection.decode_predictions(pred, (100, 200)))
    expect_raises(lambda: ask(pred.long(), (100, 200)))
    expect_raises(lambda: ask(pred[0], (100, 200)))
    expect_raises(lambda: ask(pred[:, :1], (100, 200)))
    expect_raises(lambda: ask(pred[..., :5], (100, 200)))
    expect_raises(lambda: ask(pred, (100, 200), "relu"))
    for size in ((0, 200), (100, 0), (-100, 200), (100, 200, 3)):
        expect_raises(functools.partial(ask, pred, size))


@exercise("decode_predictions")
@points(0.25)
@hint("The width and the height in a tensor of your own: on which device is it?")
def check_placement_of_decode_predictions(runs: Runs) -> None:
    """On an accelerator, predictions are decoded where they are."""
    expect_placement(runs)


BOX_EVERYWHERE = "Empty slots pay for their boxes, too"
CLASS_EVERYWHERE = "Empty slots pay for their classes, too"
NO_EMPTY = "The confidences of empty slots cost nothing"
MEANS = "Each term is a mean over its entries, not a sum"


@exercise("grid_detection_loss")
@points(1)
@hint("Take one slot with an object and one without. Which of the terms does each of them pay?")
@misconception(BOX_EVERYWHERE, wrong.grid_loss_with(boxes_everywhere=True))
@misconception(CLASS_EVERYWHERE, wrong.grid_loss_with(classes_everywhere=True))
@misconception(
    "Empty slots pay for classes and boxes, too", wrong.grid_loss_with(classes_everywhere=True, boxes_everywhere=True)
)
@misconception(NO_EMPTY, wrong.grid_loss_with(noobj="none"))
@misconception("The confidences are raw, and compared by squared errors", wrong.grid_loss_with(conf="se"))
@misconception(
    "The squared errors of the confidences are taken, not the logarithms", wrong.grid_loss_with(conf="squared")
)
@misconception(DOUBLE_SIGMOID, wrong.grid_loss_with(conf="twice"))
@misconception("The confidences of objects and of empty slots are swapped", wrong.grid_loss_with(conf="swapped"))
@misconception("The coordinates are raw: no sigmoid is taken", wrong.grid_loss_with(boxes="raw"))
@misconception("Square roots of the coordinates are compared", wrong.grid_loss_with(boxes="root"))
@misconception("Square roots of widths and heights are compared, as in YOLO", wrong.grid_loss_with(boxes="root sizes"))
@misconception("Absolute errors of the boxes are summed, not squares", wrong.grid_loss_with(boxes="l1"))
@misconception(DOUBLE_SOFTMAX, wrong.grid_loss_with(classes="twice"))
@misconception("The squared errors of the class probabilities are taken", wrong.grid_loss_with(classes="squared"))
@misconception("Each class is a question of its own (sigmoid), not one of C", wrong.grid_loss_with(classes="sigmoid"))
@misconception("The true boxes are reordered to xyxy", wrong.grid_loss_with(target_order=True))
@misconception(MEAN_OF_FOUR, wrong.grid_loss_with(per_box="mean"))
@misconception(MEANS, wrong.grid_loss_with(divided="each"))
@misconception("The class term is missing", wrong.grid_loss_with(lam=lambda b, n: (1.0, n, 0.0, b)))
@misconception("The box term is missing", wrong.grid_loss_with(lam=lambda b, n: (1.0, n, 1.0, 0.0)))
def check_terms_of_the_grid_loss(student: Any, generator: Generator) -> None:
    """Every slot pays for its confidence; slots with an object pay for their class and their box, too."""
    targets = grid_targets(generator, 1)
    expect_floats(student.grid_detection_loss(*targets), detection.grid_detection_loss(*targets))


@exercise("grid_detection_loss")
@points(0.5)
@hint("Nothing to see here: which terms are sums over nothing, and what is a mean over nothing?")
@misconception(NO_EMPTY, wrong.grid_loss_with(noobj="none"))
@misconception(BOX_EVERYWHERE, wrong.grid_loss_with(boxes_everywhere=True))
@misconception(CLASS_EVERYWHERE, wrong.grid_loss_with(classes_everywhere=True))
@misconception(MEANS, wrong.grid_loss_with(divided="each"))
def check_images_without_objects(student: Any, generator: Generator) -> None:
    """An image without objects pays for its confidences only."""
    pred, obj, cls, box = grid_targets(generator, 2)
    empty = torch.zeros_like(obj)
    expected = detection.grid_detection_loss(pred, empty, cls, box)
    expect_floats(student.grid_detection_loss(pred, empty, cls, box), expected)
    obj[0] = 0
    expected = detection.grid_detection_loss(pred, obj, cls, box)
    expect_floats(student.grid_detection_loss(pred, obj, cls, box), expected)


@exercise("grid_detection_loss")
@points(0.75)
@hint("Each weight stands before one sum of the formula. Set it to 0: what must be gone, and what must stay?")
@misconception("`lam_box` has no effect", wrong.grid_loss_with(lam=lambda b, n: (1.0, n, 1.0, 1.0)))
@misconception("`lam_noobj` has no effect", wrong.grid_loss_with(lam=lambda b, n: (1.0, 1.0, 1.0, b)))
@misconception("Neither weight has an effect", wrong.grid_loss_with(lam=lambda b, n: (1.0, 1.0, 1.0, 1.0)))
@misconception("`lam_box` is squared", wrong.grid_loss_with(lam=lambda b, n: (1.0, n, 1.0, b * b)))
@misconception("`lam_box` weighs the class term, too", wrong.grid_loss_with(lam=lambda b, n: (1.0, n, b, b)))
@misconception(
    "`lam_box` weighs the class term, not the box term", wrong.grid_loss_with(lam=lambda b, n: (1.0, n, b, 1.0))
)
@misconception(
    "`lam_noobj` weighs the confidences of objects, too", wrong.grid_loss_with(lam=lambda b, n: (n, n, 1.0, b))
)
@misconception("`lam_noobj` weighs the confidences of objects", wrong.grid_loss_with(lam=lambda b, n: (n, 1.0, 1.0, b)))
@misconception("`lam_box` and `lam_noobj` are swapped", wrong.grid_loss_with(lam=lambda b, n: (1.0, b, 1.0, n)))
def check_weights_of_the_terms(student: Any, generator: Generator) -> None:
    """`lam_box` weighs the box term, and `lam_noobj` the confidences of empty slots."""
    targets = grid_targets(generator, 1)
    for lam_box, lam_noobj in ((5.0, 0.5), (1.0, 0.25), (3.0, 1.0), (0.0, 0.0)):
        expected = detection.grid_detection_loss(*targets, lam_box, lam_noobj)
        actual = student.grid_detection_loss(*targets, lam_box=lam_box, lam_noobj=lam_noobj)
        expect_floats(actual, expected)


@exercise("grid_detection_loss")
@points(0.5)
@hint("What N stands for in the formula does not depend on how many objects an image has, or how fine its grid is.")
@misconception("The sum is not divided by the number of images", wrong.grid_loss_with(divided="nothing"))
@misconception("The sum is divided by the number of objects, not of images", wrong.grid_loss_with(divided="objects"))
@misconception("The sum is divided by the number of slots, not of images", wrong.grid_loss_with(divided="slots"))
@misconception("The sum is divided by the number of cells, not of images", wrong.grid_loss_with(divided="cells"))
@misconception(MEANS, wrong.grid_loss_with(divided="each"))
def check_mean_over_images(student: Any, generator: Generator) -> None:
    """The sum over all slots is divided by the number of images."""
    for num in (3, 2):
        targets = grid_targets(generator, num)
        expect_floats(student.grid_detection_loss(*targets), detection.grid_detection_loss(*targets))
        first = [target[:, :, :, :1] for target in targets]  # a grid of one slot
        expect_floats(student.grid_detection_loss(*first), detection.grid_detection_loss(*first))


@exercise("grid_detection_loss")
@points(0.25)
@hint("Zero times NaN is NaN, and class 255 has no score. Pick out the slots with an object before you compute.")
def check_empty_slots_are_not_looked_at(student: Any, generator: Generator) -> None:
    """What `cls` and `box` hold in empty slots does not matter, whatever it is."""
    pred, obj, cls, box = grid_targets(generator, 2)
    expected = detection.grid_detection_loss(pred, obj, cls, box)
    cls[obj == 0], box[obj == 0] = 255, math.nan
    expect_floats(student.grid_detection_loss(pred, obj, cls, box), expected)
    cls[obj == 0] = -1
    expect_floats(student.grid_detection_loss(pred, obj, cls, box), expected)


@exercise("grid_detection_loss")
@points(0.5)
@hint("The docstring says what a raw output of 10000 costs. Which step makes an infinity, or a bound, of it?")
@misconception("The logarithm is bounded: a certain mistake costs 100", wrong.grid_loss_with(conf="clamped"))
@misconception("The logarithm is taken of a probability that has become 0 or 1", wrong.grid_loss_with(conf="plain"))
def check_certain_mistakes(student: Any, generator: Generator) -> None:
    """Very large raw outputs have a finite loss, which grows with them."""
    pred, obj, cls, box = grid_targets(generator, 1)
    for factor in (100.0, 10_000.0):
        steep = pred.clone()
        steep[..., 0] = (1 - 2 * obj) * factor
        expected = detection.grid_detection_loss(steep, obj, cls, box)
        expect_floats(student.grid_detection_loss(steep, obj, cls, box), expected)
    steep = torch.cat((pred[..., :1], pred[..., 1:] * 10_000), -1)
    expect_floats(
        student.grid_detection_loss(steep, obj, cls, box), detection.grid_detection_loss(steep, obj, cls, box)
    )


@exercise("grid_detection_loss")
@points(0.25)
@hint("A flag may be a bool, an integer or a float. Only one of them can be a mask as it is.")
def check_dtypes_of_the_grid_loss(student: Any, generator: Generator) -> None:
    """The loss has the dtype of the prediction; flags of any dtype and classes of any integer dtype work."""
    pred, obj, cls, box = grid_targets(generator, 1)
    expected = detection.grid_detection_loss(pred, obj, cls, box)
    for dtype in FLOATS:
        actual = student.grid_detection_loss(pred.to(dtype), obj.to(dtype), cls, box.to(dtype))
        expect_rounded(actual, expected, dtype)
    for flag, label in ((torch.bool, torch.int32), (torch.int64, torch.uint8), (torch.uint8, torch.int64)):
        actual = student.grid_detection_loss(pred.float(), obj.to(flag), cls.to(label), box)
        expect_close(actual, expected, dtype=torch.float32)
    two = cls.clamp(max=1)
    expected = detection.grid_detection_loss(pred, obj, two, box)
    expect_floats(student.grid_detection_loss(pred, obj.bool(), two.bool(), box), expected)


@exercise("grid_detection_loss")
@points(0.5)
@hint("Which numbers of an empty slot should the loss move? And of a slot with an object?")
def check_gradient_of_the_grid_loss(student: Any, generator: Generator) -> None:
    """Gradients reach all confidences, and classes and boxes where there is an object; they are right."""
    pred, obj, cls, box = grid_targets(generator, 2)
    one = torch.ones((), dtype=torch.float64)
    actual = student.gradients("grid_detection_loss", pred, obj.long(), cls, box, 5.0, 0.5).inputs[0]
    loss = functools.partial(reference.grid_detection_loss, obj=obj, cls=cls, box=box, lam_box=5.0, lam_noobj=0.5)
    expect_floats(actual, gradient(loss, pred, one))
    empty = torch.zeros_like(obj)
    actual = student.gradients("grid_detection_loss", pred, empty.bool(), cls, box).inputs[0]
    expect_floats(actual, gradient(lambda p: reference.grid_detection_loss(p, empty, cls, box), pred, one))


@exercise("grid_detection_loss")
@points(0.25)
@hint("A permuted output is not contiguous: `view` minds. What is the mean over no image?")
def check_views_of_the_grid_loss(student: Any, generator: Generator) -> None:
    """Permuted tensors, one class and no image work, and nothing is changed."""
    pred, obj, cls, box = grid_targets(generator, 2)
    permuted = pred.permute(0, 3, 4, 1, 2).contiguous().permute(0, 3, 4, 1, 2)
    for views in ((permuted, obj, cls, box), (pred, strided(obj), strided(cls), strided(box))):
        actual = expect_no_side_effects(student, "grid_detection_loss", *views)
        expect_floats(actual, detection.grid_detection_loss(pred, obj, cls, box))
    one = torch.cat((pred[..., :2], pred[..., -4:]), -1), obj, torch.zeros_like(cls), box
    expect_floats(student.grid_detection_loss(*one), detection.grid_detection_loss(*one))
    none = pred[:0], obj[:0], cls[:0], box[:0]
    expect_floats(student.grid_detection_loss(*none), detection.grid_detection_loss(*none))


@exercise("grid_detection_loss")
@cpu_only(INVALID)
@points(0.25)
@hint("PyTorch broadcasts a flag over slots, and counts a class of -1 from the end. What else would go unnoticed?")
def check_grids_that_do_not_fit(student: Any, generator: Generator) -> None:
    """Integer predictions, other shapes, flags that are neither 0 nor 1 and classes that do not exist are refused."""
    pred, obj, cls, box = grid_targets(generator, 2)
    ask = student.grid_detection_loss
    expect_floats(ask(pred, obj, cls, box), detection.grid_detection_loss(pred, obj, cls, box))
    expect_raises(lambda: ask(pred.long(), obj, cls, box))
    expect_raises(lambda: ask(pred[0], obj[0], cls[0], box[0]))
    expect_raises(lambda: ask(pred[..., :5], obj, cls, box))
    expect_raises(lambda: ask(pred[:, :1], obj[:, :1], cls[:, :1], box[:, :1]))
    expect_raises(lambda: ask(pred, obj[:1], cls, box))
    expect_raises(lambda: ask(pred, obj[..., None], cls, box))
    expect_raises(lambda: ask(pred, obj, cls[:1], box))
    expect_raises(lambda: ask(pred, obj, cls, box[:1]))
    expect_raises(lambda: ask(pred, obj, cls, box[..., :2]))
    expect_raises(lambda: ask(pred, obj * 2, cls, box))
    expect_raises(lambda: ask(pred, obj * 0.5, cls, box))
    expect_raises(lambda: ask(pred, obj, cls.double(), box))
    expect_raises(lambda: ask(pred, obj, cls + 3, box))
    expect_raises(lambda: ask(pred, obj, cls - 3, box))


@exercise("grid_detection_loss")
@points(0.25)
@hint("A sum that begins with `torch.zeros(1)` begins on the CPU.")
def check_placement_of_grid_detection_loss(runs: Runs) -> None:
    """On an accelerator, the loss is where the prediction is."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- suppression

CROWD = ((0, 0, 10, 10), (1, 1, 11, 11), (0, 0, 10, 5), (20, 20, 30, 30), (21, 21, 31, 31), (100, 100, 110, 110))
CROWD_SCORES = (0.6, 0.9, 0.8, 0.5, 0.95, 0.1)
ASCENDING = "The boxes are taken by rising scores: the least confident one first"
SORTED = "The indices are sorted, not in the order of the scores"
MASK = "A mask is returned, not indices"
OR_EQUAL = "A box is suppressed if its IoU is equal to the threshold, too"


@exercise("nms")
@points(0.75)
@hint("Do it by hand for six boxes: who comes first, whom does it suppress, who is next? Which numbers do you return?")
@misconception(ASCENDING, wrong.nms_with(rank="ascending"))
@misconception(SORTED, wrong.nms_with(result="sorted"))
@misconception(MASK, wrong.nms_with(result="mask"))
@misconception("Places in the sorted list are returned, not indices of the inputs", wrong.nms_with(result="ranks"))
@misconception("The boxes are returned, not their indices", wrong.nms_with(result="boxes"))
@misconception("The suppressed boxes are returned, not the kept ones", wrong.nms_with(result="suppressed"))
@misconception("The boxes are not taken by their scores, but by their areas", wrong.nms_with(rank="area"))
@misconception("The boxes are taken in the order in which they come, not by their scores", wrong.nms_with(rank="given"))
@misconception(AS_XXYY, wrong.nms_with(xxyy=True))
@misconception(PLUS_ONE, wrong.nms_with(plus_one=True))
@misconception("The overlap is divided by the smaller area, not by the union", wrong.nms_with(over="min"))
@misconception("The union is the sum of both areas: the intersection is counted twice", wrong.nms_with(over="sum"))
@misconception("Widths and heights of the intersection are not clamped at 0", wrong.nms_with(clamped=False))
@misconception("Only the most confident box of all suppresses others", wrong.nms_with(best_only=True))
@misconception("A box is compared with the last kept one only", wrong.nms_with(neighbours_only=True))
@picture(
    BoxPicture(
        caption="Three answers for one sofa and one for a chair. One of the three is enough.",
        boxes=((4, 6, 30, 22), (6, 7, 33, 23), (2, 4, 28, 21), (42, 10, 52, 26)),
        labels=("0.6", "0.9", "0.7", "0.8"),
    )
)
def check_kept_boxes(student: Any) -> None:
    """The most confident box stays and suppresses what overlaps it too much, then comes the next one."""
    crowd, scores = boxes(*CROWD), torch.tensor(CROWD_SCORES, dtype=torch.float64)
    for threshold in (0.3, 0.6, 0.7, 0.05):
        expect_indices(student.nms(crowd, scores, threshold), detection.nms(crowd, scores, threshold))
    order = torch.tensor([3, 5, 0, 2, 4, 1])
    expected = detection.nms(crowd[order] * 7, scores[order], 0.3)
    expect_indices(student.nms(crowd[order] * 7, scores[order], iou_threshold=0.3), expected)
    shapes = boxes((0, 0, 40, 4), (0, 0, 4, 40), (2, 0, 42, 4), (20, 0, 60, 4), (3, 1, 6, 39))
    scores = torch.tensor([0.5, 0.7, 0.9, 0.3, 0.6], dtype=torch.float64)
    expect_indices(student.nms(shapes, scores, 0.4), detection.nms(shapes, scores, 0.4))


@exercise("nms")
@points(0.5)
@hint("Three boxes in a row, each overlapping the next. The second one is gone: who is left to suppress the third?")
@misconception("Suppressed boxes still suppress others", wrong.nms_with(dead_suppress=True))
@misconception(ASCENDING, wrong.nms_with(rank="ascending"))
@misconception("Only the most confident box of all suppresses others", wrong.nms_with(best_only=True))
@misconception("A box is compared with the last kept one only", wrong.nms_with(neighbours_only=True))
@picture(
    BoxPicture(
        caption="A chain: the first overlaps the second, the second the third, the first and the third hardly meet.",
        boxes=((0, 0, 20, 12), (8, 0, 28, 12), (16, 0, 36, 12)),
        labels=("0.9", "0.8", "0.7"),
    )
)
def check_suppressed_boxes_suppress_nothing(student: Any) -> None:
    """A box that was suppressed suppresses nothing itself."""
    chain = boxes((0, 0, 20, 10), (8, 0, 28, 10), (16, 0, 36, 10), (24, 0, 44, 10), (32, 0, 52, 10))
    scores = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5], dtype=torch.float64)
    expect_indices(student.nms(chain, scores, 0.25), detection.nms(chain, scores, 0.25))
    twins = boxes((0, 0, 20, 10), (50, 0, 70, 10), (1, 0, 21, 10), (51, 0, 71, 10), (100, 0, 120, 10), (2, 0, 22, 10))
    scores = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], dtype=torch.float64)
    expect_indices(student.nms(twins, scores, 0.5), detection.nms(twins, scores, 0.5))


@exercise("nms")
@points(0.5)
@hint("Larger than, or larger than or equal? The docstring has decided. What may then happen to two equal boxes?")
@misconception(OR_EQUAL, wrong.nms_with(or_equal=True))
def check_overlap_equal_to_the_threshold(student: Any) -> None:
    """An IoU that is equal to the threshold does not suppress."""
    pair, scores = boxes((0, 0, 8, 8), (0, 0, 8, 4)), torch.tensor([0.9, 0.6], dtype=torch.float64)
    expect_indices(student.nms(pair, scores, 0.5), detection.nms(pair, scores, 0.5))
    same = boxes((0, 0, 8, 8), (0, 0, 8, 8), (20, 0, 28, 8))
    scores = torch.tensor([0.9, 0.6, 0.7], dtype=torch.float64)
    expect_indices(student.nms(same, scores, 1.0), detection.nms(same, scores, 1.0))
    apart = boxes((0, 0, 8, 8), (8, 0, 16, 8), (20, 20, 30, 30), (7, 7, 12, 12))
    scores = torch.tensor([0.9, 0.6, 0.7, 0.3], dtype=torch.float64)
    expect_indices(student.nms(apart, scores, 0.0), detection.nms(apart, scores, 0.0))


@exercise("nms")
@points(0.25)
@hint("`argsort` does not promise an order of equal scores, and a list that is turned round turns the ties, too.")
@misconception("Of equal scores, the higher index comes first", wrong.nms_with(last_of_ties=True))
def check_equal_scores(student: Any) -> None:
    """Of equal scores, the lower index comes first."""
    row = boxes(*((x, 0, x + 20, 10) for x in (0, 2, 40, 42, 80, 82, 120)))
    scores = torch.tensor([0.5, 0.5, 0.75, 0.75, 0.5, 0.5, 0.5], dtype=torch.float64)
    expect_indices(student.nms(row, scores, 0.5), detection.nms(row, scores, 0.5))
    many = boxes(*((30 * (i % 20), 0, 30 * (i % 20) + 20, 10) for i in range(40)))
    scores = torch.full((40,), 0.5, dtype=torch.float64)
    expect_indices(student.nms(many, scores, 0.5), detection.nms(many, scores, 0.5))


@exercise("nms")
@points(0.5)
@hint("What is 0 / 0, and is it larger than the threshold? And which width has a box whose right edge is on the left?")
@misconception("Widths and heights of the intersection are not clamped at 0", wrong.nms_with(clamped=False))
@misconception("Inverted boxes are given an area", wrong.nms_with(clamped=False, areas="absolute"))
def check_boxes_of_area_zero(student: Any) -> None:
    """A box of area 0, also an inverted one, neither suppresses nor is suppressed."""
    flat = boxes((5, 5, 5, 5), (5, 5, 5, 5), (0, 5, 10, 5), (0, 0, 10, 10), (0, 0, 10, 10))
    scores = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5], dtype=torch.float64)
    for threshold in (0.5, 0.0):
        expect_indices(student.nms(flat, scores, threshold), detection.nms(flat, scores, threshold))
    inverted = boxes((10, 10, 0, 0), (0, 0, 10, 10), (10, 0, 0, 10), (10, 10, 0, 0), (1, 1, 9, 9))
    for threshold in (0.5, 0.0):
        expect_indices(student.nms(inverted, scores, threshold), detection.nms(inverted, scores, threshold))


@exercise("nms")
@not_simulated(MORE_NUMBERS)
@points(0.25)
@hint("The small cases fit, the large one does not: print the first index that differs, and follow that box.")
@misconception(ASCENDING, wrong.nms_with(rank="ascending"))
@misconception(SORTED, wrong.nms_with(result="sorted"))
@misconception("Suppressed boxes still suppress others", wrong.nms_with(dead_suppress=True))
@misconception(PLUS_ONE, wrong.nms_with(plus_one=True))
@misconception(AS_XXYY, wrong.nms_with(xxyy=True))
@misconception("The union is the sum of both areas: the intersection is counted twice", wrong.nms_with(over="sum"))
def check_many_boxes(student: Any, generator: Generator) -> None:
    """Many boxes, also with negative coordinates and in fractions of the image, are suppressed alike."""
    some, scores = crowd_of(generator, 40), random_scores(generator, 40)
    expect_indices(student.nms(some / 100, scores, 0.5), detection.nms(some / 100, scores, 0.5))
    for threshold in (0.3, 0.5):
        expect_indices(student.nms(some, scores, threshold), detection.nms(some, scores, threshold))
    expect_indices(student.nms(some - 60, scores, 0.4), detection.nms(some - 60, scores, 0.4))


@exercise("nms")
@points(0.25)
@hint("Nothing goes in, nothing comes out, but in which shape and dtype?")
def check_one_box_and_none(student: Any) -> None:
    """One box is kept; of no boxes, an empty int64 tensor comes back."""
    crowd, scores = boxes(*CROWD), torch.tensor(CROWD_SCORES, dtype=torch.float64)
    expect_indices(student.nms(crowd[:1], scores[:1], 0.5), detection.nms(crowd[:1], scores[:1], 0.5))
    expect_equal(student.nms(crowd[:0], scores[:0], 0.5), torch.zeros(0, dtype=torch.int64), dtype=torch.int64)


@exercise("nms")
@points(0.25)
@hint("The indices are int64, whatever goes in. What is 300 x 300 in float16, and 10 - 20 in uint8?")
def check_dtypes_of_nms(student: Any) -> None:
    """Boxes and scores of any dtype work, also where areas do not fit into it; indices are int64."""
    crowd, scores = boxes(*CROWD) * 2, torch.tensor(CROWD_SCORES, dtype=torch.float64)
    for dtype in (torch.float32, torch.int64, torch.uint8):
        expected = reference.nms(crowd.to(dtype), scores, 0.6)
        expect_equal(student.nms(crowd.to(dtype), scores.float(), 0.6), expected, dtype=torch.int64)
    large = boxes((0, 0, 300, 300), (16, 0, 316, 300), (0, 0, 100, 300))
    for dtype in (torch.float16, torch.bfloat16):
        expected = reference.nms(large.to(dtype), scores[:3].to(dtype), 0.5)
        expect_equal(student.nms(large.to(dtype), scores[:3].to(dtype), 0.5), expected, dtype=torch.int64)


@exercise("nms")
@points(0.25)
@hint("`scores[j] = 0` and `boxes -= ...` write into what is not yours.")
def check_views_of_nms(student: Any) -> None:
    """Non-contiguous boxes and scores work, and are left as they are."""
    crowd, scores = strided(boxes(*CROWD)), strided(torch.tensor(CROWD_SCORES, dtype=torch.float64))
    expect_indices(expect_no_side_effects(student, "nms", crowd, scores, 0.3), detection.nms(crowd, scores, 0.3))
    views = crowd[::2], scores[::2]
    expect_indices(expect_no_side_effects(student, "nms", *views, 0.4), detection.nms(*views, 0.4))


@exercise("nms")
@cpu_only(INVALID)
@points(0.25)
@hint("One score for each box, four numbers for each box, and a threshold that an IoU can reach.")
def check_boxes_and_scores_that_do_not_fit(student: Any) -> None:
    """Other shapes and thresholds outside of [0, 1] are refused."""
    crowd, scores = boxes(*CROWD), torch.tensor(CROWD_SCORES, dtype=torch.float64)
    expect_indices(student.nms(crowd, scores, 0.3), detection.nms(crowd, scores, 0.3))
    expect_raises(lambda: student.nms(crowd, scores[:5], 0.3))
    expect_raises(lambda: student.nms(crowd[:5], scores, 0.3))
    expect_raises(lambda: student.nms(crowd, scores[:, None], 0.3))
    expect_raises(lambda: student.nms(torch.ones(6, 5), scores, 0.3))
    expect_raises(lambda: student.nms(crowd[0], scores[:4], 0.3))
    expect_raises(lambda: student.nms(crowd, scores, -0.125))
    expect_raises(lambda: student.nms(crowd, scores, 1.125))
    expect_raises(lambda: student.nms(crowd[:0], scores[:0], 50))


@exercise("nms")
@points(0.25)
@hint("The kept indices in a tensor of your own: on which device is it, and on which are the boxes?")
def check_placement_of_nms(runs: Runs) -> None:
    """On an accelerator, the kept indices are where the boxes are."""
    expect_placement(runs)


NO_GROUPS = "The groups have no effect: all boxes suppress each other"


@exercise("batched_nms")
@points(0.5)
@hint("May a chair suppress a table? Who competes with whom, and in which order do the survivors come?")
@misconception(NO_GROUPS, wrong.batched_is_plain)
@misconception(
    "Boxes of different groups suppress each other, and those of one group do not", wrong.batched_other_groups
)
@misconception("The indices count within each group", wrong.batched_local_indices)
@misconception("The survivors come group by group, not by their scores", wrong.batched_group_by_group)
@misconception(SORTED, wrong.batched_sorted)
@misconception(MASK, wrong.batched_mask)
@picture(
    BoxPicture(
        caption="A chair before a table. Their boxes overlap, and both are right.",
        boxes=((4, 6, 40, 30), (10, 8, 42, 34), (50, 10, 58, 20)),
        labels=("table", "chair", "chair"),
    )
)
def check_groups_are_kept_apart(student: Any) -> None:
    """Only boxes of the same group suppress each other; the kept ones come by falling scores."""
    crowd, scores = boxes(*CROWD), torch.tensor(CROWD_SCORES, dtype=torch.float64)
    for groups in ([0, 0, 0, 1, 0, 1], [1, 0, 1, 2, 2, 0], [0, 0, 0, 0, 0, 0]):
        idxs = torch.tensor(groups)
        expect_indices(student.batched_nms(crowd, scores, idxs, 0.3), detection.batched_nms(crowd, scores, idxs, 0.3))


@exercise("batched_nms")
@points(0.25)
@hint("A shift by the largest coordinate keeps groups apart only if no coordinate lies on the other side of 0.")
@misconception("Groups are shifted apart, but negative coordinates let them overlap", wrong.batched_with_offset)
@misconception(NO_GROUPS, wrong.batched_is_plain)
def check_negative_coordinates(student: Any) -> None:
    """Groups are kept apart wherever the boxes lie, left of the image as well."""
    row = boxes((-30, -30, -10, -10), (-24, -24, -4, -4), (-30, -30, -10, -10), (-61, -61, -41, -41))
    scores, idxs = torch.tensor([0.9, 0.8, 0.7, 0.6], dtype=torch.float64), torch.tensor([0, 1, 0, 2])
    expect_indices(student.batched_nms(row, scores, idxs, 0.5), detection.batched_nms(row, scores, idxs, 0.5))
    mixed = boxes((-100, 0, -80, 18), (-119, -19, -99, -1), (0, 0, 18, 18), (-100, 0, -80, 18))
    idxs = torch.tensor([0, 1, 0, 0])
    expect_indices(student.batched_nms(mixed, scores, idxs, 0.5), detection.batched_nms(mixed, scores, idxs, 0.5))


@exercise("batched_nms")
@points(0.25)
@hint("A group is a name and not a place in a list: it may be -3, or `image * C + class` of a large batch.")
@misconception("Groups are counted from 0 on, and the others are left out", wrong.batched_inside_range)
@misconception(NO_GROUPS, wrong.batched_is_plain)
@misconception("Groups are shifted apart, but negative coordinates let them overlap", wrong.batched_with_offset)
def check_any_integers_are_groups(student: Any) -> None:
    """Any integers are groups, negative and large ones, too: those of several images for example."""
    crowd, scores = boxes(*CROWD), torch.tensor(CROWD_SCORES, dtype=torch.float64)
    for groups in ([7, 7, -3, 7, 7, -3], [90_000_000, 2, 90_000_000, -1, -1, 2], [3, 6, 3, 6, 3, 6]):
        idxs = torch.tensor(groups)
        expect_indices(student.batched_nms(crowd, scores, idxs, 0.3), detection.batched_nms(crowd, scores, idxs, 0.3))


@exercise("batched_nms")
@points(0.25)
@hint("Scores of different groups may be equal, too. Which index comes first then?")
@misconception("The survivors come group by group, not by their scores", wrong.batched_group_by_group)
@misconception(SORTED, wrong.batched_sorted)
@misconception(
    OR_EQUAL,
    lambda boxes, scores, idxs, iou_threshold: wrong.nms_with(or_equal=True)(
        boxes + 1000 * idxs[:, None].double(), scores, iou_threshold
    ),
)
def check_order_across_groups(student: Any) -> None:
    """Of equal scores the lower index comes first, across groups too; an IoU at the threshold does not suppress."""
    row = boxes((0, 0, 8, 8), (0, 0, 8, 4), (0, 0, 8, 8), (0, 0, 8, 4), (50, 0, 58, 8))
    scores, idxs = torch.tensor([0.5, 0.5, 0.5, 0.75, 0.5], dtype=torch.float64), torch.tensor([2, 1, 1, 2, 0])
    expect_indices(student.batched_nms(row, scores, idxs, 0.5), detection.batched_nms(row, scores, idxs, 0.5))
    expect_indices(student.batched_nms(row, scores, idxs, 0.25), detection.batched_nms(row, scores, idxs, 0.25))
    row, idxs = row[:1] + 20 * torch.arange(40, dtype=torch.float64)[:, None], torch.arange(40) % 2
    scores = torch.full((40,), 0.5, dtype=torch.float64)
    expect_equal(student.batched_nms(row, scores, idxs, 0.5), torch.arange(40), dtype=torch.int64)


@exercise("batched_nms")
@points(0.125)
@hint("How many groups are there in nothing? `torch.cat` of an empty list has no answer.")
def check_groups_of_nothing(student: Any) -> None:
    """One box is kept; of no boxes, an empty int64 tensor comes back."""
    crowd, scores, idxs = boxes(*CROWD), torch.tensor(CROWD_SCORES, dtype=torch.float64), torch.tensor([4] * 6)
    expect_equal(student.batched_nms(crowd[:1], scores[:1], idxs[:1], 0.5), torch.zeros(1, dtype=torch.int64))
    expect_equal(student.batched_nms(crowd[:0], scores[:0], idxs[:0], 0.5), torch.zeros(0, dtype=torch.int64))


@exercise("batched_nms")
@points(0.25)
@hint("Indices are int64. Which of your steps writes into the boxes that you were given?")
def check_views_of_batched_nms(student: Any) -> None:
    """Other dtypes and non-contiguous tensors work, and are left as they are."""
    crowd, scores = boxes(*CROWD) * 4, torch.tensor(CROWD_SCORES, dtype=torch.float64)
    idxs = torch.tensor([0, 0, 1, 1, 1, 0])
    views = strided(crowd), strided(scores), strided(idxs)
    expected = reference.batched_nms(crowd, scores, idxs, 0.3)
    expect_indices(expect_no_side_effects(student, "batched_nms", *views, 0.3), expected)
    for dtype, group in ((torch.float32, torch.int32), (torch.int64, torch.int64), (torch.float16, torch.uint8)):
        actual = student.batched_nms(crowd.to(dtype), scores.float(), idxs.to(group), 0.3)
        expect_equal(actual, expected, dtype=torch.int64)


@exercise("batched_nms")
@cpu_only(INVALID)
@points(0.25)
@hint("Four arguments, four ways to be wrong: does each of them end in an error, also without a box?")
def check_groups_that_do_not_fit(student: Any) -> None:
    """Other shapes and thresholds outside of [0, 1] are refused."""
    crowd, scores, idxs = boxes(*CROWD), torch.tensor(CROWD_SCORES, dtype=torch.float64), torch.tensor([0, 1] * 3)
    ask = student.batched_nms
    expect_indices(ask(crowd, scores, idxs, 0.3), detection.batched_nms(crowd, scores, idxs, 0.3))
    expect_raises(lambda: ask(crowd, scores, idxs[:5], 0.3))
    expect_raises(lambda: ask(crowd, scores, idxs[:, None], 0.3))
    expect_raises(lambda: ask(crowd, scores[:5], idxs, 0.3))
    expect_raises(lambda: ask(torch.ones(6, 5), scores, idxs, 0.3))
    expect_raises(lambda: ask(crowd, scores, idxs, 1.125))
    expect_raises(lambda: ask(crowd, scores, idxs, -0.125))
    expect_raises(lambda: ask(crowd[:0], scores[:0], idxs[:0], 50))


@exercise("batched_nms")
@points(0.125)
@hint("Which index tensors and masks do you make, and where do they live?")
def check_placement_of_batched_nms(runs: Runs) -> None:
    """On an accelerator, the kept indices are where the boxes are."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- training

NUM_ROOMS, NUM_UNSEEN, NUM_FEW = 400, 100, 24
ROOMS_SEED, UNSEEN_SEED, OTHER_ROOMS_SEED, OTHER_UNSEEN_SEED = 11, 12, 13, 14
LEAST_MAP, LEAST_SCORE, MOST_OBJECTS = 0.4, 0.05, 3
GRID, SLOTS, CLASSES = 8, 1, 3
"""A plain solution reached a mean average precision of 0.72 (one run); the least is what the docstring asks for."""


@exercise("train_detector")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(1.75)
@hint(
    "Look at the loss, term by term, and at the boxes in a room that the network has trained on. Does it learn there?"
)
def check_furniture_is_found(student: Any) -> None:
    """In rooms that it has not seen, the trained network finds furniture (mean average precision)."""
    net = student.train_detector(*rooms(NUM_ROOMS, ROOMS_SEED))
    expect_found(net, UNSEEN_SEED)


@exercise("train_detector")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(1.25)
@hint("One good run may have been luck. What in your training hangs on these rooms, or on this seed?")
def check_other_rooms_and_another_seed(student: Any) -> None:
    """With other rooms and another seed it finds furniture, too."""
    net = student.train_detector(*rooms(NUM_ROOMS, OTHER_ROOMS_SEED), seed=1)
    expect_found(net, OTHER_UNSEEN_SEED)


@exercise("train_detector")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(0.75)
@hint("The docstring says what the network returns. Which layers do something else in training than in use?")
def check_network_that_comes_back(student: Any) -> None:
    """The network is in eval mode and gives (N, S, S, B, 1 + C + 4); other images do not change an answer."""
    images, targets = rooms(NUM_FEW, ROOMS_SEED)
    net = student.train_detector(images[:NUM_FEW], targets[:NUM_FEW], seed=2)
    expect_network(net)
    unseen, _ = rooms(NUM_FEW, UNSEEN_SEED)
    shape = (3, GRID, GRID, SLOTS, 1 + CLASSES + 4)
    together = expect_tensor(net(unseen[:3]), shape=shape).double()
    alone = expect_tensor(net(unseen[1:2]), shape=(1, *shape[1:])).double()
    again = expect_tensor(net(unseen[:3]), shape=shape).double()
    expect_true(bool(together.isfinite().all()), "the network's answers are not finite")
    is_function = torch.allclose(alone, together[1:2], rtol=1e-3, atol=1e-3)
    expect_true(is_function, "the network's answer to an image depends on the images around it: is it in eval mode?")
    expect_true(torch.allclose(again, together, rtol=1e-4, atol=1e-4), "the same image has another answer next time")


@exercise("train_detector")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(0.75)
@hint("Where does chance come in, and what decides it? Whatever happened before the call must not.")
def check_same_seed_same_network(student: Any) -> None:
    """The same seed and rooms give the same network, and another seed another one; without a word it is 0."""
    images, targets = rooms(NUM_FEW, OTHER_ROOMS_SEED)
    few = images[:NUM_FEW], targets[:NUM_FEW]
    answers = []
    for seed in ({}, {"seed": 0}, {"seed": 4}):
        net = student.train_detector(*few, **seed)
        expect_network(net)
        answers.append(expect_tensor(net(images[:4])))
    expect_true(torch.equal(answers[0], answers[1]), "the network is another one when the same seed is used again")
    expect_true(not torch.equal(answers[0], answers[2]), "the network is the same one when another seed is used")


@exercise("train_detector")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(0.5)
@hint("`torch.manual_seed` changes the random numbers of everybody. How do you give back the state that you found?")
def check_training_leaves_no_trace(student: Any) -> None:
    """Training changes neither the caller's random state nor its rooms."""
    images, targets = rooms(NUM_FEW, ROOMS_SEED)
    few = images[:NUM_FEW].clone(), [{name: value.clone() for name, value in t.items()} for t in targets[:NUM_FEW]]
    expect_network(expect_no_side_effects(student, "train_detector", *few, seed=5))


# ---------------------------------------------------------------------------------------------- expectations


def expect_rounded(actual: object, expected: Tensor, dtype: torch.dtype) -> None:
    """Expect the oracle's values in exactly ``dtype``, in which all steps may have been computed."""
    if dtype == torch.float32:
        expect_close(actual, expected, dtype=dtype)
    else:
        rtol, atol = {torch.float16: (1e-2, 1e-2), torch.bfloat16: (6e-2, 6e-2)}.get(dtype, (RTOL, ATOL))
        expect_close(actual, expected, dtype=dtype, rtol=rtol, atol=atol)


def expect_indices(actual: object, expected: Tensor) -> None:
    """Expect the oracle's indices in any integer dtype: the dtype is a check of its own."""
    tensor = expect_tensor(actual)
    is_whole = not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)
    expect_true(is_whole or tensor.numel() == 0, "expected indices, which are whole numbers")
    tensor = expect_tensor(actual, shape=expected.shape)
    expect_equal(tensor.to(torch.int64), expected)


def expect_objects(actual: object, expected: tuple[Tensor, Tensor, Tensor]) -> None:
    """Expect objects of the right classes in the right slots; boxes and dtypes are checks of their own."""
    obj, cls, box = expect_tuple(actual, 3)
    obj = expect_tensor(obj, shape=expected[0].shape)
    expect_close(obj.double(), expected[0].double())
    is_object = expected[0] == 1
    cls = expect_tensor(cls, shape=expected[1].shape)
    expect_equal(cls.to(torch.int64)[is_object], expected[1][is_object])
    expect_tensor(box, shape=expected[2].shape)


def expect_stored(actual: object, expected: tuple[Tensor, Tensor, Tensor]) -> None:
    """Expect the right boxes, too."""
    expect_objects(actual, expected)
    _, _, box = expect_tuple(actual, 3)
    is_object = expected[0] == 1
    expect_floats(expect_tensor(box)[is_object], expected[2][is_object])


def expect_encoded(actual: object, expected: tuple[Tensor, Tensor, Tensor]) -> None:
    """Expect the right values in all slots, the empty ones too."""
    expect_stored(actual, expected)
    _, cls, box = expect_tuple(actual, 3)
    expect_equal(expect_tensor(cls).to(torch.int64), expected[1])
    expect_floats(box, expected[2])


def expect_decoded(actual: object, expected: tuple[Tensor, Tensor, Tensor]) -> None:
    """Expect the right confidences, probabilities and boxes."""
    for tensor, wanted in zip(expect_tuple(actual, 3), expected, strict=True):
        expect_floats(tensor, wanted)


def expect_network(net: Any) -> None:
    """Expect an object that can be called, and no plain value."""
    expect_true(hasattr(net, "type_name") and hasattr(net, "call"), "expected a network")


def expect_found(net: Any, seed: int) -> None:
    """Expect that a network finds the furniture in rooms that it has not seen."""
    expect_network(net)
    images, targets = rooms(NUM_UNSEEN, seed)
    raw = expect_tensor(net(images), shape=(len(images), GRID, GRID, SLOTS, 1 + CLASSES + 4)).double()
    expect_true(bool(raw.isfinite().all()), "the network's answers are not finite")
    size = (images.shape[2], images.shape[3])
    found = metrics.mean_average_precision([detections(image, size) for image in raw], targets)["map"]
    few = (
        "it finds too little: its mean average precision in rooms that it has not seen is below what the text asks for"
    )
    expect_true(found >= LEAST_MAP, few, staff=f"mAP {found:.3f}, at least {LEAST_MAP}")


# ---------------------------------------------------------------------------------------------- inputs


def boxes(*rows: tuple[float, ...]) -> Tensor:
    """Return ``(N, 4)`` float64 boxes."""
    return torch.tensor(rows, dtype=torch.float64)


def random_boxes(generator: Generator, count: int) -> Tensor:
    """Return ``count`` xyxy boxes with sides of 10 to 40."""
    corners = torch.rand(count, 2, generator=generator, dtype=torch.float64) * 60  # (N, 2)
    size = 10 + torch.rand(count, 2, generator=generator, dtype=torch.float64) * 30  # (N, 2)
    return torch.cat((corners, corners + size), 1)


def crowd_of(generator: Generator, count: int) -> Tensor:
    """Return boxes of which no two have an IoU close to one of the thresholds that are tried."""
    while True:
        found = random_boxes(generator, count)
        iou = metrics.box_iou(found, found)
        if min(float((iou - threshold).abs().min()) for threshold in (0.3, 0.4, 0.5)) > 1e-5:
            return found


def random_scores(generator: Generator, count: int) -> Tensor:
    """Return distinct scores in a random order."""
    return (torch.randperm(count, generator=generator).double() + 1) / (count + 1)


def strided(tensor: Tensor) -> Tensor:
    """Return the same values in memory that is not contiguous."""
    if tensor.dim() >= 2:
        return tensor.transpose(0, -1).contiguous().transpose(0, -1)
    return torch.stack((tensor, tensor.logical_not().to(tensor.dtype)), 1)[:, 0]


def outputs() -> tuple[Tensor, Tensor, Tensor]:
    """Return the output of a network for three images, their classes and their boxes."""
    output = torch.cat((torch.tensor(LOGITS, dtype=torch.float64), boxes(*PRED)), 1)
    return output, torch.tensor([0, 2, 1]), boxes(*TRUE)


def raw_outputs(generator: Generator, N: int, S: int, B: int, C: int) -> Tensor:
    """Return the raw output of a grid detector."""
    return 2 * torch.randn(N, S, S, B, 1 + C + 4, generator=generator, dtype=torch.float64)


def grid_targets(generator: Generator, num: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the raw output of a 2 x 2 grid with two slots and three classes, and targets with some objects."""
    pred = raw_outputs(generator, num, 2, 2, 3)
    obj = torch.zeros(num, 2, 2, 2, dtype=torch.float64)
    cls, box = torch.zeros(num, 2, 2, 2, dtype=torch.int64), torch.zeros(num, 2, 2, 2, 4, dtype=torch.float64)
    places = [(n, n % 2, 1, 0) for n in range(num)] + [(0, 0, 1, 1), (0, 1, 0, 0)]
    for number, place in enumerate(places):
        obj[place], cls[place] = 1, (number + 1) % 3
        found = torch.rand(2, 2, generator=generator, dtype=torch.float64).sort(1).values  # rows: x, y
        box[place] = 0.1 + 0.8 * found.flatten()
    return pred, obj, cls, box


def gradient(function: Callable[[Tensor], Tensor], z: Tensor, factor: Tensor) -> Tensor:
    """Return the gradient of ``sum(factor * function(z))``."""
    leaf = z.detach().clone().requires_grad_(True)
    (found,) = torch.autograd.grad((function(leaf) * factor).sum(), leaf)
    return found


def _decoded_part(pred: Tensor, part: int) -> Tensor:
    return reference.decode_predictions(pred, (100, 200))[part]


@functools.cache
def rooms(num: int, seed: int) -> tuple[Tensor, list[dict[str, Tensor]]]:
    """Return images ``(N, 3, 64, 64)`` of rooms and their targets, boxes in xyxy, at most one centre in each cell."""
    generator = torch.Generator().manual_seed(seed)
    found: list[Scene] = []
    while len(found) < num:
        (room,) = scenes(1, max_objects=MOST_OBJECTS, generator=generator)
        try:
            reference.encode_targets(room.boxes_xxyy, room.labels, GRID, SLOTS, CLASSES, (64, 64))
        except ValueError:  # two centres in one cell
            continue
        found.append(room)
    return torch.stack([room.image for room in found]), [{"boxes": r.boxes_xyxy, "labels": r.labels} for r in found]


def detections(raw: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
    """Return what a grid detector says of one image, suppressed class by class."""
    conf, probs, found = reference.decode_predictions(raw[None], size)
    best = probs.max(-1)
    scores, labels = (conf * best.values).flatten(), best.indices.flatten()
    corners = reference.box_convert(found.reshape(-1, 4), "xxyy", "xyxy")
    said = scores >= LEAST_SCORE
    corners, scores, labels = corners[said], scores[said], labels[said]
    keep = reference.batched_nms(corners, scores, labels, 0.5)
    return {"boxes": corners[keep], "scores": scores[keep], "labels": labels[keep]}
