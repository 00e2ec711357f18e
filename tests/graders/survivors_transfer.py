"""Mutants of the solution of *transfer* that nobody can tell from it."""

from tests.graders.proof import Survivor

PYTORCH_REFUSES = "PyTorch refuses such an argument by itself, with an error of its own, which is accepted"
WORDS = "only the words of the error are others"
FREE = "how long and in which batches it learns is free, as long as it reaches the accuracy"

SURVIVORS = [
    Survivor(
        "train_step",
        "if y.min() < 0 or y.max() >= logits.shape[1]:",
        "if y.min() < 0 or y.max() > logits.shape[1]:",
        PYTORCH_REFUSES,
    ),
    Survivor("train_step", "if len(x) == 0:", "if len(x) == -1:", PYTORCH_REFUSES),
    Survivor(
        "train_step",
        "if trainable_parameters(model) == 0:",
        "if trainable_parameters(model) == 1:",
        "no network has a single number to train",
    ),
    Survivor(
        "train_step", "if trainable_parameters(model) == 0:", "if trainable_parameters(model) == -1:", PYTORCH_REFUSES
    ),
    Survivor(
        "train_step",
        "if y.min() < 0 or y.max() >= logits.shape[1]:",
        "if y.min() < -1 or y.max() >= logits.shape[1]:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "train_step",
        'raise ValueError(f"train_step: expected labels in [0, {logits.shape[1]}), got another one.")',
        'raise ValueError(f"train_step: expected labels in [0, {logits.shape[ 2]}), got another one.")',
        WORDS,
    ),
    Survivor(
        "train_step",
        'raise ValueError(f"train_step: expected labels in [0, {logits.shape[1]}), got another one.")',
        'raise ValueError(f"train_step: expected labels in [0, {logits.shape[ 0]}), got another one.")',
        WORDS,
    ),
    Survivor(
        "transfer_learn",
        'if len(rows) > 1 or mode == "extractor":  # BatchNorm cannot normalise a single image',
        'if len(rows) >= 1 or mode == "extractor":  # BatchNorm cannot normalise a single image',
        "only a last batch of one or two images shows it, and which images make a batch is free",
    ),
    Survivor(
        "transfer_learn",
        'if len(rows) > 1 or mode == "extractor":  # BatchNorm cannot normalise a single image',
        'if len(rows) > 1 or mode != "extractor":  # BatchNorm cannot normalise a single image',
        "only a last batch of one or two images shows it, and which images make a batch is free",
    ),
    Survivor("transfer_learn", "epochs: int = 20,", "epochs: int = 21,", FREE),
    Survivor("transfer_learn", "epochs: int = 20,", "epochs: int = 19,", FREE),
    Survivor("transfer_learn", "lr: float = 0.01,", "lr: float = 1.01,", FREE),
    Survivor("transfer_learn", "for rows in order.split(32):", "for rows in order.split( 33):", FREE),
    Survivor("transfer_learn", "for rows in order.split(32):", "for rows in order.split( 31):", FREE),
    Survivor(
        "transfer_learn",
        'if len(rows) > 1 or mode == "extractor":  # BatchNorm cannot normalise a single image',
        'if len(rows) > 2 or mode == "extractor":  # BatchNorm cannot normalise a single image',
        "only a last batch of one or two images shows it, and which images make a batch is free",
    ),
    Survivor(
        "transfer_learn",
        'if len(rows) > 1 or mode == "extractor":  # BatchNorm cannot normalise a single image',
        'if len(rows) > 0 or mode == "extractor":  # BatchNorm cannot normalise a single image',
        "only a last batch of one or two images shows it, and which images make a batch is free",
    ),
]
