"""The metrics against other people's code, and the places where other people chose differently."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from sklearn.metrics import average_precision_score, precision_recall_curve
from torch import Tensor
from torchmetrics.detection import MeanAveragePrecision

from reference.metrics import (
    COCO_IOU_THRESHOLDS,
    average_precision,
    box_iou,
    match_detections,
    mean_average_precision,
    precision_recall,
)

Image = dict[str, Tensor]

ELEVEN = [i / 10 for i in range(11)]
HUNDRED_AND_ONE = [i / 100 for i in range(101)]  # np.linspace(0, 1, 101) is above ten of these fractions
LECTURE_TP = [True, True, False, False, False, True]
A = (0.0, 0.0, 10.0, 10.0)


def boxes(*rows: tuple[float, ...]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64).reshape(-1, 4)


def image(rows: Tensor, scores: list[float] | None = None, **extra: Tensor) -> Image:
    confidences = {} if scores is None else {"scores": torch.tensor(scores, dtype=torch.float64)}
    return {"boxes": rows, "labels": torch.ones(len(rows), dtype=torch.int64), **confidences, **extra}


def lecture_images() -> tuple[Image, Image]:
    """Return five tables in a row and the six detections of the lecture: ranks 1, 2 and 6 are right."""
    x = torch.arange(6, dtype=torch.float64) * 20
    rows = torch.stack([x, torch.zeros(6), x + 10, torch.full((6,), 10.0)], dim=1)  # (6, 4)
    misses = rows + 1000
    found = torch.stack([rows[i] if hit else misses[i] for i, hit in enumerate(LECTURE_TP)])  # (6, 4)
    return image(found, [0.9, 0.8, 0.79, 0.6, 0.5, 0.4]), image(torch.cat([rows[:2], rows[3:]])[:5])


def random_boxes(generator: torch.Generator, n: int) -> Tensor:
    corners = torch.rand(n, 2, 2, generator=generator, dtype=torch.float64) * 100  # (n, 2, 2)
    return torch.cat([corners.amin(dim=1), corners.amax(dim=1)], dim=1)  # (n, 4)


def random_dataset(seed: int, crowds: bool = False, ties: bool = False) -> tuple[list[Image], list[Image]]:
    """Return a few images with up to three classes: some objects found, some missed, some invented."""
    generator = torch.Generator().manual_seed(seed)

    def integer(low: int, high: int) -> int:
        return int(torch.randint(low, high, (), generator=generator))

    preds, targets = [], []
    for _ in range(integer(1, 6)):
        n, m = integer(0, 14), integer(0, 7)
        gt_boxes, gt_labels = random_boxes(generator, m), torch.randint(1, 4, (m,), generator=generator)
        pred_boxes, labels = random_boxes(generator, n), torch.randint(1, 4, (n,), generator=generator)
        if m:
            source = torch.randint(0, m, (n,), generator=generator)
            near = torch.rand(n, generator=generator) < 0.7
            shift = torch.randn(n, 4, generator=generator, dtype=torch.float64) * 3
            pred_boxes[near] = (gt_boxes[source] + shift)[near]
            labels[near] = gt_labels[source][near]
        pred_boxes[:, 2:] = torch.maximum(pred_boxes[:, 2:], pred_boxes[:, :2])
        scores = torch.rand(n, generator=generator, dtype=torch.float64)
        scores = (scores * 5).round() / 5 if ties else scores
        preds.append({"boxes": pred_boxes, "scores": scores, "labels": labels})
        targets.append({"boxes": gt_boxes, "labels": gt_labels})
        if crowds:
            targets[-1]["iscrowd"] = torch.rand(m, generator=generator) < 0.3
    return preds, targets


class OrdinaryIoU(COCOeval):  # type: ignore[misc]  # pycocotools has no types
    """COCOeval whose IoU with a crowd is the ordinary IoU, as in our contract."""

    def computeIoU(self, imgId: int, catId: int) -> Any:
        gt, dt = self._gts[imgId, catId], self._dts[imgId, catId]
        if not gt and not dt:
            return []
        order = np.argsort([-d["score"] for d in dt], kind="mergesort")
        return coco_mask.iou([dt[i]["bbox"] for i in order], [g["bbox"] for g in gt], [0] * len(gt))


def as_coco(images: Sequence[Image], labels: Sequence[int], first_id: int = 1) -> COCO:
    annotations: list[dict[str, Any]] = []
    for image_id, one in enumerate(images, start=1):
        for row, (x1, y1, x2, y2) in enumerate(one["boxes"].tolist()):
            annotation = {
                "id": len(annotations) + first_id,
                "image_id": image_id,
                "category_id": int(one["labels"][row]),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": (x2 - x1) * (y2 - y1),
                "iscrowd": int(one["iscrowd"][row]) if "iscrowd" in one else 0,
            }
            annotations.append(annotation | ({"score": float(one["scores"][row])} if "scores" in one else {}))
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image_id} for image_id in range(1, len(images) + 1)],
        "categories": [{"id": label} for label in labels],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco


def pycocotools_ap(
    preds: Sequence[Image],
    targets: Sequence[Image],
    iou_thresholds: Sequence[float] = (0.5,),
    recall_levels: Sequence[float] | None = HUNDRED_AND_ONE,
    evaluator: type[COCOeval] = OrdinaryIoU,
    max_detections: int = 10_000,
    first_id: int = 1,
) -> dict[tuple[int, float], float]:
    """Return ``{(label, threshold): AP}`` as pycocotools computes it; -1 where it has none."""
    labels = sorted({int(label) for one in (*preds, *targets) for label in one["labels"]})
    evaluation = evaluator(as_coco(targets, labels, first_id), as_coco(preds, labels), "bbox")
    evaluation.params.iouThrs = np.array(iou_thresholds)
    evaluation.params.recThrs = np.linspace(0, 1, 101) if recall_levels is None else np.array(recall_levels)
    evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
    evaluation.params.maxDets = [max_detections]
    evaluation.evaluate()
    evaluation.accumulate()
    ap = evaluation.eval["precision"][:, :, :, 0, 0].mean(axis=1)  # (T, R, K) -> (T, K)
    return {(c, t): float(ap[i, k]) for k, c in enumerate(labels) for i, t in enumerate(iou_thresholds)}


# ------------------------------------------------------------------------------------------------------- torchvision


@pytest.mark.parametrize("seed", range(100))
def test_box_iou_agrees_with_torchvision(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    first, second = random_boxes(generator, seed % 13), random_boxes(generator, 1 + seed % 7)
    torch.testing.assert_close(box_iou(first, second), torchvision.ops.box_iou(first, second), rtol=1e-13, atol=0)
    single, other = first.float(), second.float()
    torch.testing.assert_close(box_iou(single, other), torchvision.ops.box_iou(single, other), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.float16, torch.bfloat16])
def test_box_iou_has_the_dtype_of_torchvision_and_the_values_of_its_float64(dtype: torch.dtype) -> None:
    rows = (random_boxes(torch.Generator().manual_seed(0), 20) * 2).to(dtype)
    rows = rows[(rows[:, 2:] > rows[:, :2]).all(dim=1)]
    ours, theirs = box_iou(rows, rows), torchvision.ops.box_iou(rows, rows)
    assert ours.dtype == theirs.dtype == torch.float32
    torch.testing.assert_close(ours, torchvision.ops.box_iou(rows.double(), rows.double()).float())
    if dtype.is_floating_point:  # difference: torchvision subtracts the corners before it widens them
        error = (ours - theirs).abs().max().item()
        assert 1e-4 < error < 2 * torch.finfo(dtype).eps


def test_difference_torchvision_has_nan_where_the_union_is_empty() -> None:
    points = boxes((5, 5, 5, 5))
    assert torchvision.ops.box_iou(points, points).isnan().item()
    assert box_iou(points, points).item() == 0.0


def test_difference_torchvision_gives_inverted_boxes_a_negative_or_positive_area() -> None:
    inverted = boxes((0, 10, 10, 0), (10, 10, 0, 0))
    assert torchvision.ops.box_area(inverted).tolist() == [-100.0, 100.0]
    assert torchvision.ops.box_iou(inverted[:1], boxes(A)).isnan().item()  # 0 / (100 - 100)
    assert box_iou(inverted, boxes(A)).flatten().tolist() == [0.0, 0.0]


# ------------------------------------------------------------------------------------------------------- pycocotools


@pytest.mark.parametrize("seed", range(150))
def test_average_precision_of_every_class_and_threshold_agrees_with_pycocotools(seed: int) -> None:
    preds, targets = random_dataset(seed, crowds=seed % 3 == 1, ties=seed % 3 == 2)
    ours = mean_average_precision(preds, targets, COCO_IOU_THRESHOLDS, "101_point")
    theirs = pycocotools_ap(preds, targets, COCO_IOU_THRESHOLDS)
    assert ours["ap"].keys() == theirs.keys()
    assert {key: -1.0 if math.isnan(ap) else ap for key, ap in ours["ap"].items()} == pytest.approx(theirs, abs=1e-12)
    defined = [ap for ap in theirs.values() if ap > -1]
    assert ours["map"] == pytest.approx(np.mean(defined) if defined else math.nan, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("seed", range(60))
def test_eleven_points_agree_with_pycocotools_on_eleven_recall_levels(seed: int) -> None:
    preds, targets = random_dataset(1000 + seed, crowds=seed % 2 == 1)
    ours = mean_average_precision(preds, targets, (0.5, 0.75), "11_point")["ap"]
    theirs = pycocotools_ap(preds, targets, (0.5, 0.75), ELEVEN)
    assert {key: -1.0 if math.isnan(ap) else ap for key, ap in ours.items()} == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("seed", range(60))
def test_all_points_agree_with_pycocotools_on_one_recall_level_per_object(seed: int) -> None:
    preds, targets = random_dataset(2000 + seed)
    ours = mean_average_precision(preds, targets)["ap"]
    for label in (1, 2, 3):
        num_gt = sum(int((one["labels"] == label).sum()) for one in targets)
        if num_gt:
            levels = [k / num_gt for k in range(1, num_gt + 1)]
            assert ours[label, 0.5] == pytest.approx(pycocotools_ap(preds, targets, (0.5,), levels)[label, 0.5])


@pytest.mark.parametrize("seed", range(60))
def test_every_single_verdict_agrees_with_pycocotools(seed: int) -> None:
    preds, targets = random_dataset(3000 + seed, crowds=True, ties=seed % 2 == 1)
    preds = [{**one, "labels": torch.ones_like(one["labels"])} for one in preds]
    targets = [{**one, "labels": torch.ones_like(one["labels"])} for one in targets]
    evaluation = OrdinaryIoU(as_coco(targets, [1]), as_coco(preds, [1]), "bbox")
    evaluation.params.iouThrs = np.array([0.5])
    evaluation.params.areaRng, evaluation.params.maxDets = [[0, 1e10]], [10_000]
    evaluation.evaluate()
    for pred, target, verdict in zip(preds, targets, evaluation.evalImgs, strict=True):
        tp, ignored = match_detections(pred["boxes"], pred["scores"], target["boxes"], 0.5, target["iscrowd"])
        if verdict is None:  # an image without boxes
            assert len(tp) == 0
            continue
        order = torch.sort(pred["scores"], descending=True, stable=True).indices
        their_ignored = verdict["dtIgnore"][0].astype(bool)
        assert ignored[order].tolist() == their_ignored.tolist()
        assert tp[order].tolist() == ((verdict["dtMatches"][0] > 0) & ~their_ignored).tolist()


def test_the_lecture_table_agrees_with_pycocotools() -> None:
    preds, targets = [[one] for one in lecture_images()]
    theirs = pycocotools_ap(preds, targets, recall_levels=None)[1, 0.5]
    assert mean_average_precision(preds, targets, method="101_point")["map"] == pytest.approx(theirs, abs=1e-12)
    assert theirs == pytest.approx(51 / 101)


def test_difference_pycocotools_adds_a_spacing_to_the_denominator() -> None:
    perfect = [image(boxes(A), [0.9])], [image(boxes(A))]
    assert 0 < 1 - pycocotools_ap(*perfect)[1, 0.5] < 1e-14
    assert mean_average_precision(*perfect, method="101_point")["map"] == 1.0


def test_difference_numpy_puts_ten_of_the_hundred_levels_above_the_fraction() -> None:
    above = [i for i, level in enumerate(np.linspace(0, 1, 101)) if level > i / 100]
    assert above == [35, 41, 47, 57, 69, 70, 82, 83, 94, 95]
    x = torch.arange(20, dtype=torch.float64) * 20
    rows = torch.stack([x, torch.zeros(20), x + 10, torch.full((20,), 10.0)], dim=1)  # (20, 4)
    preds, targets = [image(rows[:7], torch.linspace(1, 0.5, 7).tolist())], [image(rows)]  # recall 7/20 = 0.35
    assert mean_average_precision(preds, targets, method="101_point")["map"] == pytest.approx(36 / 101)
    assert pycocotools_ap(preds, targets)[1, 0.5] == pytest.approx(36 / 101)
    assert pycocotools_ap(preds, targets, recall_levels=None)[1, 0.5] == pytest.approx(35 / 101)


def test_difference_pycocotools_takes_the_later_of_two_equally_overlapping_objects() -> None:
    preds, targets = [image(boxes((1, 0, 11, 10), A), [0.9, 0.8])], [image(boxes(A, (2, 0, 12, 10)))]
    assert pycocotools_ap(preds, targets, (0.7,))[1, 0.7] == pytest.approx(1.0)
    assert mean_average_precision(preds, targets, (0.7,))["map"] == 0.5


def test_difference_pycocotools_divides_the_overlap_with_a_crowd_by_the_detection() -> None:
    preds = [image(boxes((0, 0, 10, 10), (20, 20, 30, 30), (200, 200, 210, 210)), [0.9, 0.8, 0.7])]
    crowd_and_object = boxes((0, 0, 100, 100), (200, 200, 210, 210))
    targets = [image(crowd_and_object, iscrowd=torch.tensor([True, False]))]
    assert pycocotools_ap(preds, targets, evaluator=COCOeval)[1, 0.5] == pytest.approx(1.0)
    assert mean_average_precision(preds, targets, method="101_point")["map"] == pytest.approx(1 / 3)
    without_flag = [image(crowd_and_object)]
    assert mean_average_precision(preds, without_flag, method="step")["map"] == pytest.approx(1 / 6)


def test_difference_pycocotools_stops_after_a_hundred_detections_per_image() -> None:
    x = torch.arange(150, dtype=torch.float64) * 20
    rows = torch.stack([x, torch.zeros(150), x + 10, torch.full((150,), 10.0)], dim=1)  # (150, 4)
    preds, targets = [image(rows, torch.linspace(1, 0.1, 150).tolist())], [image(rows)]
    assert pycocotools_ap(preds, targets, max_detections=100)[1, 0.5] == pytest.approx(67 / 101)
    assert mean_average_precision(preds, targets, method="101_point")["map"] == pytest.approx(1.0)


def test_difference_pycocotools_says_minus_one_where_we_say_nan() -> None:
    preds, targets = [image(boxes(A), [0.9])], [image(boxes())]
    assert pycocotools_ap(preds, targets) == {(1, 0.5): -1.0}
    assert math.isnan(mean_average_precision(preds, targets)["map"])


def test_trap_an_annotation_with_id_zero_is_never_found_by_pycocotools() -> None:
    perfect = [image(boxes(A), [0.9])], [image(boxes(A))]
    assert pycocotools_ap(*perfect, first_id=0)[1, 0.5] == 0.0


# ------------------------------------------------------------------------------------------------------ torchmetrics


def torchmetrics_map(
    preds: Sequence[Image], targets: Sequence[Image], recall_levels: list[float] | None
) -> dict[str, Tensor]:
    metric = MeanAveragePrecision(
        iou_thresholds=list(COCO_IOU_THRESHOLDS), rec_thresholds=recall_levels, class_metrics=True
    )
    metric.update([dict(one) for one in preds], [dict(one) for one in targets])
    result: dict[str, Tensor] = metric.compute()
    return result


@pytest.mark.parametrize("seed", range(25))
def test_mean_average_precision_agrees_with_torchmetrics(seed: int) -> None:
    preds, targets = random_dataset(4000 + seed)
    ours = mean_average_precision(preds, targets, COCO_IOU_THRESHOLDS, "101_point")
    theirs = torchmetrics_map(preds, targets, HUNDRED_AND_ONE)
    assert float(theirs["map"]) == pytest.approx(-1.0 if math.isnan(ours["map"]) else ours["map"], abs=1e-6)
    per_class = dict(
        zip(theirs["classes"].reshape(-1).tolist(), theirs["map_per_class"].reshape(-1).tolist(), strict=True)
    )
    defined = {c: -1.0 if math.isnan(value) else value for c, value in ours["map_per_class"].items()}
    assert defined == pytest.approx(per_class, abs=1e-6)


def test_difference_the_float32_recall_levels_of_torchmetrics_lose_the_last_point_of_the_lecture() -> None:
    preds, targets = [[one] for one in lecture_images()]
    assert float(torchmetrics_map(preds, targets, None)["map_50"]) == pytest.approx(0.5)
    assert float(torchmetrics_map(preds, targets, HUNDRED_AND_ONE)["map_50"]) == pytest.approx(51 / 101)
    levels = torch.linspace(0, 1, 101).tolist()
    assert sum(level > i / 100 for i, level in enumerate(levels)) == 36


def test_difference_torchmetrics_says_minus_one_where_we_say_nan() -> None:
    preds, targets = [image(boxes(A), [0.9])], [image(boxes())]
    assert float(torchmetrics_map(preds, targets, None)["map"]) == -1.0
    assert math.isnan(mean_average_precision(preds, targets)["map"])


# ------------------------------------------------------------------------------------------------------ scikit-learn


def random_ranking(seed: int) -> tuple[Tensor, Tensor, int]:
    generator = torch.Generator().manual_seed(seed)
    n = 2 + seed % 40
    tp, scores = torch.rand(n, generator=generator) < 0.5, torch.rand(n, generator=generator, dtype=torch.float64)
    tp[seed % n] = True  # scikit-learn warns without positives
    return tp, scores, int(tp.sum()) + seed % 5


@pytest.mark.parametrize("seed", range(100))
def test_precision_and_recall_agree_with_scikit_learn_once_recall_is_rescaled(seed: int) -> None:
    tp, scores, num_gt = random_ranking(seed)
    precision, recall = precision_recall(tp, scores, num_gt)
    their_precision, their_recall, _ = precision_recall_curve(tp.numpy(), scores.numpy())
    assert precision.tolist() == pytest.approx(their_precision[:-1][::-1])
    assert recall.tolist() == pytest.approx(their_recall[:-1][::-1] * int(tp.sum()) / num_gt)


@pytest.mark.parametrize("seed", range(100))
def test_steps_agree_with_scikit_learn_once_recall_is_rescaled(seed: int) -> None:
    tp, scores, num_gt = random_ranking(seed)
    expected = average_precision_score(tp.numpy(), scores.numpy()) * int(tp.sum()) / num_gt
    assert average_precision(*precision_recall(tp, scores, num_gt), "step") == pytest.approx(expected)


def test_difference_scikit_learn_knows_only_the_objects_that_were_found() -> None:
    tp, scores = torch.tensor(LECTURE_TP), torch.linspace(1, 0.5, 6)
    assert average_precision_score(tp.numpy(), scores.numpy()) == pytest.approx(5 / 6)
    assert average_precision(*precision_recall(tp, scores, 3), "step") == pytest.approx(5 / 6)
    assert average_precision(*precision_recall(tp, scores, 5), "step") == pytest.approx(0.5)


def test_difference_scikit_learn_treats_equal_scores_as_one_threshold() -> None:
    tp, scores = torch.tensor([True, False]), torch.tensor([0.5, 0.5])
    assert average_precision_score(tp.numpy(), scores.numpy()) == 0.5
    assert average_precision(*precision_recall(tp, scores, 1), "step") == 1.0


# -------------------------------------------------------------------------------------- loops as found in many places


def voc_eleven_points(precision: np.ndarray, recall: np.ndarray) -> float:
    return float(np.mean([max(precision[recall >= t], default=0.0) for t in np.arange(0, 1.1, 0.1)]))


def envelope_with_sentinels(precision: np.ndarray, recall: np.ndarray) -> float:
    recall, precision = np.r_[0, recall, 1], np.r_[0, precision, 0]
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * precision[1:]))


def trapezoid_of_the_points(precision: np.ndarray, recall: np.ndarray) -> float:
    return float(np.trapezoid(precision, recall))


def trapezoid_to_the_corner(precision: np.ndarray, recall: np.ndarray) -> float:
    return float(np.trapezoid(np.r_[1, precision, 0], np.r_[0, recall, 1]))


@pytest.mark.parametrize(
    ("loop", "value"),
    [
        (voc_eleven_points, 0.5),  # np.arange(0, 1.1, 0.1)[6] > 0.6
        (envelope_with_sentinels, 0.5),
        (trapezoid_of_the_points, 0.29),
        (trapezoid_to_the_corner, 0.59),
    ],
)
def test_values_that_common_loops_give_on_the_lecture_table(
    loop: Callable[[np.ndarray, np.ndarray], float], value: float
) -> None:
    precision, recall = precision_recall(torch.tensor(LECTURE_TP), torch.linspace(1, 0.5, 6), 5)
    assert loop(precision.numpy(), recall.numpy()) == pytest.approx(value)


@pytest.mark.parametrize("seed", range(100))
def test_all_points_agree_with_the_envelope_loop_and_eleven_points_off_the_grid(seed: int) -> None:
    tp, scores, _ = random_ranking(seed)
    num_gt = next(n for n in (7, 11, 13, 17, 19, 23, 29, 31, 37, 41) if n >= int(tp.sum()))
    precision, recall = precision_recall(tp, scores, num_gt)
    arrays = precision.numpy(), recall.numpy()
    assert average_precision(precision, recall, "all_points") == pytest.approx(envelope_with_sentinels(*arrays))
    assert average_precision(precision, recall, "11_point") == pytest.approx(voc_eleven_points(*arrays))
