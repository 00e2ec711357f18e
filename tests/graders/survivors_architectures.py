"""Mutants of the solution of *architectures* that nobody can tell from it."""

from tests.graders.proof import Survivor

PYTORCH_REFUSES = "PyTorch refuses such an argument by itself, with an error of its own, which is accepted"
WORDS = "only the words of the error are others"
FREE = "how long and in which batches it learns is free, as long as it reaches the accuracy"

SURVIVORS = [
    Survivor(
        "conv2d_output_size",
        'raise ValueError(f"conv2d_output_size: a kernel that covers {covered} does not fit into {n + 2 * padding}.")',
        'raise ValueError(f"conv2d_output_size: a kernel that covers {covered} does not fit into {n - 2 * padding}.")',
        WORDS,
    ),
    Survivor(
        "conv2d_output_size",
        'raise ValueError(f"conv2d_output_size: a kernel that covers {covered} does not fit into {n + 2 * padding}.")',
        'raise ValueError(f"conv2d_output_size: a kernel that covers {covered} does not fit into {n + 3 * padding}.")',
        WORDS,
    ),
    Survivor(
        "conv2d_output_size",
        'raise ValueError(f"conv2d_output_size: a kernel that covers {covered} does not fit into {n + 2 * padding}.")',
        'raise ValueError(f"conv2d_output_size: a kernel that covers {covered} does not fit into {n + 1 * padding}.")',
        WORDS,
    ),
    Survivor(
        "pool2d_output_size",
        'raise ValueError(f"pool2d_output_size: expected a padding in [0, {kernel_size // 2}], got {padding}.")',
        'raise ValueError(f"pool2d_output_size: expected a padding in [0, {kernel_size * 2}], got {padding}.")',
        WORDS,
    ),
    Survivor(
        "pool2d_output_size",
        'raise ValueError(f"pool2d_output_size: expected a padding in [0, {kernel_size // 2}], got {padding}.")',
        'raise ValueError(f"pool2d_output_size: expected a padding in [0, {kernel_size // 3}], got {padding}.")',
        WORDS,
    ),
    Survivor(
        "pool2d_output_size",
        'raise ValueError(f"pool2d_output_size: expected a padding in [0, {kernel_size // 2}], got {padding}.")',
        'raise ValueError(f"pool2d_output_size: expected a padding in [0, {kernel_size // 1}], got {padding}.")',
        WORDS,
    ),
    Survivor(
        "AlexNet",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 63 or x.shape[3] < 63:",
        "if x.ndim != 4 and x.shape[1] != 3 or x.shape[2] < 63 or x.shape[3] < 63:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "AlexNet",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 63 or x.shape[3] < 63:",
        "if x.ndim != 4 or x.shape[1] != 3 and x.shape[2] < 63 or x.shape[3] < 63:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "AlexNet",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 63 or x.shape[3] < 63:",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 63 and x.shape[3] < 63:",
        PYTORCH_REFUSES,
    ),
    Survivor("AlexNet", "if not 0 <= dropout <= 1:", "if not -1 <= dropout <= 1:", PYTORCH_REFUSES),
    Survivor("AlexNet", "if not 0 <= dropout <= 1:", "if not 0 <= dropout <= 2:", PYTORCH_REFUSES),
    Survivor(
        "AlexNet",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 63 or x.shape[3] < 63:",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[ 3] < 63 or x.shape[3] < 63:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "AlexNet",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 63 or x.shape[3] < 63:",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 62 or x.shape[3] < 63:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "AlexNet",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 63 or x.shape[3] < 63:",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 63 or x.shape[ 2] < 63:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "AlexNet",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 63 or x.shape[3] < 63:",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 63 or x.shape[3] < 62:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "VGG16",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 32 or x.shape[3] < 32:",
        "if x.ndim != 4 and x.shape[1] != 3 or x.shape[2] < 32 or x.shape[3] < 32:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "VGG16",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 32 or x.shape[3] < 32:",
        "if x.ndim != 4 or x.shape[1] != 3 and x.shape[2] < 32 or x.shape[3] < 32:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "VGG16",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 32 or x.shape[3] < 32:",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 32 and x.shape[3] < 32:",
        PYTORCH_REFUSES,
    ),
    Survivor("VGG16", "if not 0 <= dropout <= 1:", "if not -1 <= dropout <= 1:", PYTORCH_REFUSES),
    Survivor("VGG16", "if not 0 <= dropout <= 1:", "if not 0 <= dropout <= 2:", PYTORCH_REFUSES),
    Survivor(
        "VGG16",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 32 or x.shape[3] < 32:",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[ 3] < 32 or x.shape[3] < 32:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "VGG16",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 32 or x.shape[3] < 32:",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 31 or x.shape[3] < 32:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "VGG16",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 32 or x.shape[3] < 32:",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 32 or x.shape[ 2] < 32:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "VGG16",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 32 or x.shape[3] < 32:",
        "if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] < 32 or x.shape[3] < 31:",
        PYTORCH_REFUSES,
    ),
    Survivor("train_lenet", "for _ in range(10):", "for _ in range( 11):", FREE),
    Survivor("train_lenet", "for _ in range(10):", "for _ in range( 9):", FREE),
    Survivor("train_lenet", "for batch in order.split(32):", "for batch in order.split( 33):", FREE),
    Survivor("train_lenet", "for batch in order.split(32):", "for batch in order.split( 31):", FREE),
]
