"""Mutants of the solution of *bandit* that nobody can tell from it."""

from tests.graders.proof import Survivor

PYTORCH_REFUSES = "PyTorch refuses such an argument by itself, with an error of its own, which is accepted"
WHEN_IT_STOPS = "when the training stops is free, as long as it arrives"

SURVIVORS = [
    Survivor(
        "one_hot",
        "if ((labels < 0) | (labels >= num_classes)).any():",
        "if ((labels < 0) | (labels > num_classes)).any():",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "empirical_distribution",
        "if x.ndim != 1 or x.shape != labels.shape:",
        "if x.ndim != 1 and x.shape != labels.shape:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "softmax",
        "if not -z.ndim <= dim < z.ndim or z.shape[dim] == 0:",
        "if not -z.ndim <= dim <= z.ndim or z.shape[dim] == 0:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "softmax",
        "if not -z.ndim <= dim < z.ndim or z.shape[dim] == 0:",
        "if not -z.ndim <= dim < z.ndim and z.shape[dim] == 0:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "softmax",
        "if not -z.ndim <= dim < z.ndim or z.shape[dim] == 0:",
        "if not -z.ndim <= dim < z.ndim or z.shape[dim] == -1:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "log_softmax",
        "if not -z.ndim <= dim < z.ndim or z.shape[dim] == 0:",
        "if not -z.ndim <= dim <= z.ndim or z.shape[dim] == 0:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "log_softmax",
        "if not -z.ndim <= dim < z.ndim or z.shape[dim] == 0:",
        "if not -z.ndim <= dim < z.ndim and z.shape[dim] == 0:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "log_softmax",
        "if not -z.ndim <= dim < z.ndim or z.shape[dim] == 0:",
        "if not -z.ndim <= dim < z.ndim or z.shape[dim] == -1:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "cross_entropy",
        "if logits.ndim < 2 or logits.shape[1] == 0:",
        "if logits.ndim < 2 and logits.shape[1] == 0:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "cross_entropy",
        "if logits.ndim < 2 or logits.shape[1] == 0:",
        "if logits.ndim < 1 or logits.shape[1] == 0:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "cross_entropy",
        "if logits.ndim < 2 or logits.shape[1] == 0:",
        "if logits.ndim < 2 or logits.shape[1] == -1:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "predict",
        "if not -logits.ndim <= dim < logits.ndim or logits.shape[dim] == 0:",
        "if not -logits.ndim <= dim <= logits.ndim or logits.shape[dim] == 0:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "predict",
        "if not -logits.ndim <= dim < logits.ndim or logits.shape[dim] == 0:",
        "if not -logits.ndim <= dim < logits.ndim and logits.shape[dim] == 0:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "predict",
        "if not -logits.ndim <= dim < logits.ndim or logits.shape[dim] == 0:",
        "if not -logits.ndim <= dim < logits.ndim or logits.shape[dim] == -1:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "train_bandit",
        "goal = min_cross_entropy(x.long(), labels, 2, 3) + 0.005",
        "goal = min_cross_entropy(x.long(), labels, 2, 3) - 0.005",
        WHEN_IT_STOPS,
    ),
    Survivor("train_bandit", "if loss.item() <= goal:", "if loss.item() < goal:", WHEN_IT_STOPS),
    Survivor("train_bandit", "break", "continue", WHEN_IT_STOPS),
    Survivor(
        "train_bandit",
        "goal = min_cross_entropy(x.long(), labels, 2, 3) + 0.005",
        "goal = min_cross_entropy(x.long(), labels, 3, 3) + 0.005",
        WHEN_IT_STOPS,
    ),
    Survivor(
        "train_bandit",
        "goal = min_cross_entropy(x.long(), labels, 2, 3) + 0.005",
        "goal = min_cross_entropy(x.long(), labels, 2, 4) + 0.005",
        WHEN_IT_STOPS,
    ),
    Survivor(
        "train_bandit",
        "goal = min_cross_entropy(x.long(), labels, 2, 3) + 0.005",
        "goal = min_cross_entropy(x.long(), labels, 2, 3) + -0.995",
        WHEN_IT_STOPS,
    ),
    Survivor("train_bandit", "for _ in range(5000):", "for _ in range( 5001):", WHEN_IT_STOPS),
    Survivor("train_bandit", "for _ in range(5000):", "for _ in range( 4999):", WHEN_IT_STOPS),
]
