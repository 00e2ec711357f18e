"""What the training exercises of the solutions reach on hidden data, over five seeds, beside what is asked of students.

Run: ``python benchmarks/training.py [--seeds N]``

The teacher's functions run in this process; data, decoding and metrics are those of the hidden checks.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from autograder.course import Course
from autograder.submissions.notebook import Manifest
from autograder.submissions.submission import Located, read

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "hidden")]


def solution(topic: str) -> dict[str, Any]:
    """Return the namespace of the teacher's notebook after the cells that are graded."""
    found = Course.find(ROOT).topic(topic)
    submission = read(Located(topic, found.solution), topic, Manifest.read(found.release))
    module = type(sys)("solution")
    sys.modules["solution"] = module
    for cell in submission.cells:
        exec(compile(cell.source, cell.label, "exec"), vars(module))
    return vars(module)


def of_detection() -> tuple[Callable[[int], float], float]:
    """Return a function from a seed to the mean average precision on unseen rooms, and the least that is asked."""
    grader: Any = importlib.import_module("grade_detection")
    train = solution("detection")["train_detector"]

    def run(seed: int) -> float:
        net = train(*grader.rooms(grader.NUM_ROOMS, grader.ROOMS_SEED), seed=seed)
        images, targets = grader.rooms(grader.NUM_UNSEEN, grader.UNSEEN_SEED)
        with torch.no_grad():
            raw = net(images).double()
        size = (images.shape[2], images.shape[3])
        found = [grader.detections(image, size) for image in raw]
        return float(grader.metrics.mean_average_precision(found, targets)["map"])

    return run, grader.LEAST_MAP


def of_segmentation() -> tuple[Callable[[int], float], float]:
    """Return a function from a seed to the mean IoU on unseen rooms, and the least that is asked."""
    grader: Any = importlib.import_module("grade_segmentation")
    train = solution("segmentation")["train_unet"]

    def run(seed: int) -> float:
        net = train(*grader.rooms(grader.ROOMS, 1), grader.NUM_CLASSES, seed=seed)
        images, masks = grader.rooms(grader.UNSEEN, 2)
        with torch.no_grad():
            pred = net(images).argmax(1)
        return float(grader.reference.segmentation_metrics(pred, masks, grader.NUM_CLASSES)["mean_iou"])

    return run, grader.OVERLAP


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    torch.set_num_threads(1)
    print("| topic | measured | asked | seeds 0, 1, ... | seconds each |\n|---|---|---|---|---|")
    for topic, words, make in (
        ("detection", "mean average precision at 0.5", of_detection),
        ("segmentation", "mean IoU", of_segmentation),
    ):
        run, least = make()
        started = time.perf_counter()
        reached = [run(seed) for seed in seeds]
        seconds = (time.perf_counter() - started) / len(reached)
        print(f"| {topic} | {words} | {least} | {', '.join(f'{value:.3f}' for value in reached)} | {seconds:.0f} |")


if __name__ == "__main__":
    main()
