"""On the rooms, the references of detection, segmentation and metrics agree with other people's code.

What others decide otherwise is named at the test; tests of each reference show these differences one by one.
"""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Generator, Tensor

from autograder.worker import torchvision_cpu
from reference.detection import batched_nms, box_area, box_convert, clip_boxes_to_image, nms
from reference.metrics import COCO_IOU_THRESHOLDS, box_iou, mean_average_precision
from reference.scenes import MASK_CLASSES, Scene, scenes
from reference.segmentation import (
    confusion_matrix,
    polygon_to_mask,
    polygons_to_mask,
    segmentation_cross_entropy,
    segmentation_metrics,
    soft_dice_loss,
    soft_iou_loss,
)
from tests.reference.test_metrics_oracles import HUNDRED_AND_ONE, Image, pycocotools_ap, torchmetrics_map

torchvision_cpu.cure()  # torchmetrics and segmentation_models_pytorch import torchvision; the cure comes first

K = len(MASK_CLASSES)


@functools.cache
def rooms() -> list[Scene]:
    return scenes(60, generator=Generator().manual_seed(2024))


def guesses() -> list[Image]:
    """Return what a middling detector says: most furniture near its place, some of it twice, misnamed or invented."""
    generator = Generator().manual_seed(7)
    found = []
    for room in rooms():
        source = torch.randint(0, len(room.labels), (9,), generator=generator)
        size = torch.rand(9, 1, generator=generator) * 8
        near = room.boxes_xyxy[source] + size * (torch.rand(9, 4, generator=generator) - 0.5)  # (9, 4)
        wrong = torch.rand(9, generator=generator) < 0.2
        labels = torch.where(wrong, torch.randint(0, 3, (9,), generator=generator), room.labels[source])
        scores = (1 - size[:, 0] / 16) * torch.rand(9, generator=generator)
        near = clip_boxes_to_image(near, (64, 64))
        found.append({"boxes": near.double(), "scores": scores.double(), "labels": labels})
    return found


def truth() -> list[Image]:
    return [{"boxes": room.boxes_xyxy.double(), "labels": room.labels} for room in rooms()]


def masks() -> Tensor:
    return torch.stack([room.mask for room in rooms()])  # (N, H, W)


def raw_logits(target: Tensor) -> Tensor:
    """Return logits (N, K, H, W) float64 of a net that is right more often than not."""
    noise = torch.randn(len(target), K, *target.shape[1:], generator=Generator().manual_seed(3), dtype=torch.float64)
    return noise + 1.5 * torch.nn.functional.one_hot(target, K).permute(0, 3, 1, 2)


# ---------------------------------------------------------------------------------------------------- detection


def test_boxes_of_the_rooms_are_those_of_torchvision() -> None:
    from torchvision import ops

    for room in rooms():
        theirs = ops.masks_to_boxes(torch.stack([room.mask == label + 2 for label in room.labels.tolist()]))
        alone = torch.tensor([(room.labels == label).sum() == 1 for label in room.labels.tolist()])
        theirs[:, 2:] += 1  # torchvision says which pixels come last, we say where they end
        assert torch.equal(room.boxes_xyxy[alone], theirs[alone])
        for fmt in ("xywh", "cxcywh"):
            ours = box_convert(room.boxes_xxyy, "xxyy", fmt)
            torch.testing.assert_close(ours, ops.box_convert(room.boxes_xyxy, "xyxy", fmt))
        assert torch.equal(box_area(room.boxes_xyxy), ops.box_area(room.boxes_xyxy))
        torch.testing.assert_close(box_iou(room.boxes_xyxy, room.boxes_xyxy), ops.box_iou(*[room.boxes_xyxy] * 2))


def test_suppression_in_the_rooms_is_that_of_monai() -> None:
    from monai.data.box_utils import batched_nms as monai_batched_nms
    from monai.data.box_utils import non_max_suppression

    suppressed = 0
    for one in guesses():
        boxes, scores, labels = one["boxes"].float(), one["scores"], one["labels"]
        for threshold in (0.3, 0.5, 0.7):
            kept = nms(boxes, scores, threshold).tolist()
            assert kept == list(non_max_suppression(boxes, scores, threshold))
            per_class = batched_nms(boxes, scores, labels, threshold).tolist()
            assert per_class == list(monai_batched_nms(boxes, scores, labels, threshold))
            suppressed += len(boxes) - len(kept)
    assert suppressed > 100


def test_average_precision_in_the_rooms_is_that_of_pycocotools_and_torchmetrics() -> None:
    """At COCO's 101 recall levels, which must be the same floats; the order of equal scores does not matter here."""
    preds, targets = guesses(), truth()
    ours = mean_average_precision(preds, targets, COCO_IOU_THRESHOLDS, "101_point")
    assert 0.1 < ours["map"] < 0.9
    assert ours["ap"] == pytest.approx(pycocotools_ap(preds, targets, COCO_IOU_THRESHOLDS), abs=1e-12)
    theirs = torchmetrics_map(preds, targets, HUNDRED_AND_ONE)
    assert float(theirs["map"]) == pytest.approx(ours["map"], abs=1e-6)
    assert theirs["map_per_class"].tolist() == pytest.approx(list(ours["map_per_class"].values()), abs=1e-6)


# ------------------------------------------------------------------------------------------------- segmentation


def test_the_masks_of_the_rooms_are_their_polygons_painted_in_order() -> None:
    for room in rooms():
        painted = polygons_to_mask([[room.floor.flatten().tolist()]], 64, 64, background=-1) + 1  # wall 0, floor 1
        for polygon, label in zip(room.polygons, room.labels.tolist(), strict=True):
            painted[polygon_to_mask(polygon.flatten().tolist(), 64, 64)] = label + 2
        assert torch.equal(painted, room.mask)


# pycocotools 2.0.11 predates the copy argument of NumPy 2
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_paints_the_same_furniture_but_for_its_outline() -> None:
    from pycocotools import mask as coco_mask

    same, either = 0, 0
    for room in rooms():
        for polygon in room.polygons:
            flat = polygon.flatten().tolist()
            theirs = torch.from_numpy(coco_mask.decode(coco_mask.frPyObjects([flat], 64, 64))[:, :, 0]).bool()
            ours = polygon_to_mask(flat, 64, 64)
            same, either = same + int((ours & theirs).sum()), either + int((ours | theirs).sum())
    assert 0.97 < same / either < 1  # its rule for pixels on the outline is an approximation


def test_soft_losses_on_the_rooms_are_those_of_monai_where_every_class_occurs() -> None:
    """Where a class does not occur in an image, MONAI counts it as missed and we leave it out."""
    from monai.losses.dice import DiceLoss

    whole = torch.stack([mask for mask in masks() if len(mask.unique()) == K])
    assert len(whole) >= 5
    logits = raw_logits(whole)
    for smooth in (0.0, 1.0):
        dice = DiceLoss(softmax=True, to_onehot_y=True, smooth_nr=smooth, smooth_dr=smooth)
        torch.testing.assert_close(soft_dice_loss(logits, whole, smooth=smooth), dice(logits, whole[:, None]))
        # its Jaccard is 2 I / 2 U, so its smooth is twice ours
        jaccard = DiceLoss(softmax=True, to_onehot_y=True, jaccard=True, smooth_nr=2 * smooth, smooth_dr=2 * smooth)
        torch.testing.assert_close(soft_iou_loss(logits, whole, smooth=smooth), jaccard(logits, whole[:, None]))


def test_soft_losses_on_the_rooms_are_those_of_segmentation_models_pytorch_image_by_image() -> None:
    """It pools a batch, and gives a class that does not occur the loss 0 in a mean over all classes."""
    import segmentation_models_pytorch as smp  # type: ignore[import-untyped, unused-ignore]

    for mask in masks():
        target, present = mask[None], len(mask.unique())
        logits = raw_logits(target)
        theirs = smp.losses.DiceLoss("multiclass")(logits, target) * K / present
        torch.testing.assert_close(soft_dice_loss(logits, target), theirs, rtol=1e-6, atol=1e-7)
        theirs = smp.losses.JaccardLoss("multiclass")(logits, target) * K / present
        torch.testing.assert_close(soft_iou_loss(logits, target), theirs, rtol=1e-6, atol=1e-7)


def test_cross_entropy_and_metrics_on_the_rooms_are_those_of_others() -> None:
    import segmentation_models_pytorch as smp  # type: ignore[import-untyped, unused-ignore]
    from monai.metrics.confusion_matrix import get_confusion_matrix
    from torchmetrics.functional.classification import multiclass_confusion_matrix, multiclass_jaccard_index
    from torchmetrics.functional.segmentation import dice_score

    target = masks()
    logits = raw_logits(target)
    pred = logits.argmax(dim=1)
    torch.testing.assert_close(
        segmentation_cross_entropy(logits, target), torch.nn.functional.cross_entropy(logits, target)
    )
    counts = confusion_matrix(pred, target, K)
    assert torch.equal(counts, multiclass_confusion_matrix(pred, target, K))
    ours = segmentation_metrics(pred, target, K)
    assert ours["mean_iou"] == pytest.approx(multiclass_jaccard_index(pred, target, K, average="macro").item())
    pooled_pred, pooled = pred.flatten(0, 1)[None], target.flatten(0, 1)[None]  # one tall image
    dice = dice_score(pooled_pred, pooled, K, average="none", input_format="index")[0]
    torch.testing.assert_close(ours["dice"].float(), dice)
    stats = smp.metrics.get_stats(pooled_pred, pooled, mode="multiclass", num_classes=K)
    assert smp.metrics.iou_score(*stats, reduction="macro").item() == pytest.approx(ours["mean_iou"])
    assert smp.metrics.f1_score(*stats, reduction="macro").item() == pytest.approx(ours["mean_dice"])
    claimed, true = (torch.nn.functional.one_hot(part, K).permute(0, 3, 1, 2) for part in (pooled_pred, pooled))
    tp, fp, _, fn = get_confusion_matrix(claimed, true)[0].T  # (K,) each
    torch.testing.assert_close(ours["precision"].float(), tp / (tp + fp))
    torch.testing.assert_close(ours["recall"].float(), tp / (tp + fn))
