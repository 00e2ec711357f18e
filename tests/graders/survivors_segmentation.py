"""Mutants of the solution of *segmentation* that nobody can tell from it."""

from tests.graders.proof import Survivor

BOUNDARY = "centres on an edge are left to the student: polygons are in general position"
OTHER_SIDE = "counting the edges on the other side of a centre gives the same, for a ring has an even number of them"
LENGTHS = "lengths are looked at twice: in the line before or after"
WORDS = "only the words of the error are others"
PYTORCH_REFUSES = "what comes later refuses such an argument by itself, with an error of its own, which is accepted"
EMPTY = "a batch without images, or images without rows, are not mentioned for the soft losses"
EMPTY_CE = "images without rows are not mentioned"
ONE_CHANNEL = "there is one channel, or any of them has the shape that is asked for"
SAME_BORDER = "the border to crop is the same in both directions, whatever the image's shape"
FREE = "how large the net is, how it starts and how long it learns is free, as long as it reaches the mean IoU"
MIRROR = "which rooms are mirrored is up to chance, or to the student"

SURVIVORS = [
    Survivor(
        "polygon_to_mask",
        "is_between = (center_y < y1) != (center_y < y2)  # (H,)",
        "is_between = (center_y <= y1) != (center_y < y2)  # (H,)",
        BOUNDARY,
    ),
    Survivor(
        "polygon_to_mask",
        "is_between = (center_y < y1) != (center_y < y2)  # (H,)",
        "is_between = (center_y < y1) != (center_y <= y2)  # (H,)",
        BOUNDARY,
    ),
    Survivor(
        "polygon_to_mask",
        "mask ^= is_between[:, None] & (center_x < crossing[:, None])  # (H, W)",
        "mask ^= is_between[:, None] & (center_x <= crossing[:, None])  # (H, W)",
        BOUNDARY,
    ),
    Survivor(
        "polygon_to_mask",
        "mask ^= is_between[:, None] & (center_x < crossing[:, None])  # (H, W)",
        "mask ^= is_between[:, None] & (center_x >= crossing[:, None])  # (H, W)",
        OTHER_SIDE,
    ),
    Survivor(
        "polygon_to_mask",
        "corners = list(zip(polygon[0::2], polygon[1::2], strict=True))",
        "corners = list(zip(polygon[0::2], polygon[1::2], strict=False))",
        LENGTHS,
    ),
    Survivor("polygon_to_mask", "if len(polygon) % 2:", "if len(polygon) % 1:", LENGTHS),
    Survivor(
        "one_hot_mask",
        'raise ValueError(f"one_hot_mask: expected labels from 0 to {num_classes - 1}, got another one.")',
        'raise ValueError(f"one_hot_mask: expected labels from 0 to {num_classes + 1}, got another one.")',
        WORDS,
    ),
    Survivor(
        "one_hot_mask",
        "if ((labels < 0) | (labels >= num_classes)).any():",
        "if ((labels < 0) & (labels >= num_classes)).any():",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "one_hot_mask",
        "if ((labels < 0) | (labels >= num_classes)).any():",
        "if ((labels < 0) | (labels > num_classes)).any():",
        PYTORCH_REFUSES,
    ),
    Survivor("one_hot_mask", "if num_classes < 1:", "if num_classes < 0:", PYTORCH_REFUSES),
    Survivor(
        "one_hot_mask",
        "if ((labels < 0) | (labels >= num_classes)).any():",
        "if ((labels < -1) | (labels >= num_classes)).any():",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "one_hot_mask",
        'raise ValueError(f"one_hot_mask: expected labels from 0 to {num_classes - 1}, got another one.")',
        'raise ValueError(f"one_hot_mask: expected labels from 0 to {num_classes - 2}, got another one.")',
        WORDS,
    ),
    Survivor(
        "one_hot_mask",
        'raise ValueError(f"one_hot_mask: expected labels from 0 to {num_classes - 1}, got another one.")',
        'raise ValueError(f"one_hot_mask: expected labels from 0 to {num_classes - 0}, got another one.")',
        WORDS,
    ),
    Survivor(
        "segmentation_cross_entropy",
        "if logits.ndim != 4 or logits.shape[1] < 1 or not logits.is_floating_point():",
        "if logits.ndim != 4 and logits.shape[1] < 1 or not logits.is_floating_point():",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "segmentation_cross_entropy",
        "if logits.ndim != 4 or logits.shape[1] < 1 or not logits.is_floating_point():",
        "if logits.ndim != 4 or logits.shape[ 2] < 1 or not logits.is_floating_point():",
        EMPTY_CE,
    ),
    Survivor(
        "segmentation_cross_entropy",
        "if logits.ndim != 4 or logits.shape[1] < 1 or not logits.is_floating_point():",
        "if logits.ndim != 4 or logits.shape[1] < 0 or not logits.is_floating_point():",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "soft_iou_loss",
        "if logits.ndim != 4 or logits.shape[1] < 1 or (is_binary and logits.shape[1] != 1):",
        "if logits.ndim != 4 and logits.shape[1] < 1 or (is_binary and logits.shape[1] != 1):",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "soft_iou_loss",
        "if logits.ndim != 4 or logits.shape[1] < 1 or (is_binary and logits.shape[1] != 1):",
        "if logits.ndim != 4 or logits.shape[1] < 1 and (is_binary and logits.shape[1] != 1):",
        PYTORCH_REFUSES,
    ),
    Survivor("soft_iou_loss", "target = target[:, 0]", "target = target[:, -1]", ONE_CHANNEL),
    Survivor(
        "soft_iou_loss",
        "if logits.ndim != 4 or logits.shape[1] < 1 or (is_binary and logits.shape[1] != 1):",
        "if logits.ndim != 4 or logits.shape[ 2] < 1 or (is_binary and logits.shape[1] != 1):",
        EMPTY,
    ),
    Survivor(
        "soft_iou_loss",
        "if logits.ndim != 4 or logits.shape[1] < 1 or (is_binary and logits.shape[1] != 1):",
        "if logits.ndim != 4 or logits.shape[ 0] < 1 or (is_binary and logits.shape[1] != 1):",
        EMPTY,
    ),
    Survivor(
        "soft_iou_loss",
        "if logits.ndim != 4 or logits.shape[1] < 1 or (is_binary and logits.shape[1] != 1):",
        "if logits.ndim != 4 or logits.shape[1] < 0 or (is_binary and logits.shape[1] != 1):",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "soft_iou_loss",
        "if target.shape != logits[:, 0].shape:",
        "if target.shape != logits[:, -1].shape:",
        ONE_CHANNEL,
    ),
    Survivor(
        "soft_dice_loss",
        "if logits.ndim != 4 or logits.shape[1] < 1 or (is_binary and logits.shape[1] != 1):",
        "if logits.ndim != 4 and logits.shape[1] < 1 or (is_binary and logits.shape[1] != 1):",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "soft_dice_loss",
        "if logits.ndim != 4 or logits.shape[1] < 1 or (is_binary and logits.shape[1] != 1):",
        "if logits.ndim != 4 or logits.shape[1] < 1 and (is_binary and logits.shape[1] != 1):",
        PYTORCH_REFUSES,
    ),
    Survivor("soft_dice_loss", "target = target[:, 0]", "target = target[:, -1]", ONE_CHANNEL),
    Survivor(
        "soft_dice_loss",
        "if logits.ndim != 4 or logits.shape[1] < 1 or (is_binary and logits.shape[1] != 1):",
        "if logits.ndim != 4 or logits.shape[ 2] < 1 or (is_binary and logits.shape[1] != 1):",
        EMPTY,
    ),
    Survivor(
        "soft_dice_loss",
        "if logits.ndim != 4 or logits.shape[1] < 1 or (is_binary and logits.shape[1] != 1):",
        "if logits.ndim != 4 or logits.shape[ 0] < 1 or (is_binary and logits.shape[1] != 1):",
        EMPTY,
    ),
    Survivor(
        "soft_dice_loss",
        "if logits.ndim != 4 or logits.shape[1] < 1 or (is_binary and logits.shape[1] != 1):",
        "if logits.ndim != 4 or logits.shape[1] < 0 or (is_binary and logits.shape[1] != 1):",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "soft_dice_loss",
        "if target.shape != logits[:, 0].shape:",
        "if target.shape != logits[:, -1].shape:",
        ONE_CHANNEL,
    ),
    Survivor(
        "confusion_matrix",
        'raise ValueError(f"confusion_matrix: expected labels from 0 to {num_classes - 1}, got another one.")',
        'raise ValueError(f"confusion_matrix: expected labels from 0 to {num_classes + 1}, got another one.")',
        WORDS,
    ),
    Survivor(
        "confusion_matrix",
        'raise ValueError(f"confusion_matrix: expected labels from 0 to {num_classes - 1}, got another one.")',
        'raise ValueError(f"confusion_matrix: expected labels from 0 to {num_classes - 2}, got another one.")',
        WORDS,
    ),
    Survivor(
        "confusion_matrix",
        'raise ValueError(f"confusion_matrix: expected labels from 0 to {num_classes - 1}, got another one.")',
        'raise ValueError(f"confusion_matrix: expected labels from 0 to {num_classes - 0}, got another one.")',
        WORDS,
    ),
    Survivor(
        "UNet",
        'raise ValueError(f"UNet: expected sizes {first}, {first + 16}, ..., got {tuple(x.shape[2:])}.")',
        'raise ValueError(f"UNet: expected sizes {first}, {first - 16}, ..., got {tuple(x.shape[2:])}.")',
        WORDS,
    ),
    Survivor(
        "UNet",
        "if x.ndim != 4 or x.shape[1] != self.in_channels:",
        "if x.ndim != 4 and x.shape[1] != self.in_channels:",
        PYTORCH_REFUSES,
    ),
    Survivor(
        "UNet",
        'raise ValueError(f"UNet: expected sizes {first}, {first + 16}, ..., got {tuple(x.shape[2:])}.")',
        'raise ValueError(f"UNet: expected sizes {first}, {first + 17}, ..., got {tuple(x.shape[2:])}.")',
        WORDS,
    ),
    Survivor(
        "UNet",
        'raise ValueError(f"UNet: expected sizes {first}, {first + 16}, ..., got {tuple(x.shape[2:])}.")',
        'raise ValueError(f"UNet: expected sizes {first}, {first + 15}, ..., got {tuple(x.shape[2:])}.")',
        WORDS,
    ),
    Survivor(
        "UNet",
        'raise ValueError(f"UNet: expected sizes {first}, {first + 16}, ..., got {tuple(x.shape[2:])}.")',
        'raise ValueError(f"UNet: expected sizes {first}, {first + 16}, ..., got {tuple(x.shape[ 3:])}.")',
        WORDS,
    ),
    Survivor(
        "UNet",
        'raise ValueError(f"UNet: expected sizes {first}, {first + 16}, ..., got {tuple(x.shape[2:])}.")',
        'raise ValueError(f"UNet: expected sizes {first}, {first + 16}, ..., got {tuple(x.shape[ 1:])}.")',
        WORDS,
    ),
    Survivor(
        "UNet",
        "skip = skip[:, :, border[0] :, border[1] :][:, :, : x.shape[2], : x.shape[3]]",
        "skip = skip[:, :, border[ 1] :, border[1] :][:, :, : x.shape[2], : x.shape[3]]",
        SAME_BORDER,
    ),
    Survivor(
        "UNet",
        "skip = skip[:, :, border[0] :, border[1] :][:, :, : x.shape[2], : x.shape[3]]",
        "skip = skip[:, :, border[ -1] :, border[1] :][:, :, : x.shape[2], : x.shape[3]]",
        SAME_BORDER,
    ),
    Survivor(
        "UNet",
        "skip = skip[:, :, border[0] :, border[1] :][:, :, : x.shape[2], : x.shape[3]]",
        "skip = skip[:, :, border[0] :, border[ 0] :][:, :, : x.shape[2], : x.shape[3]]",
        SAME_BORDER,
    ),
    Survivor(
        "train_unet",
        "if torch.rand(()) < 0.5:  # a room in a mirror",
        "if torch.rand(()) <= 0.5:  # a room in a mirror",
        MIRROR,
    ),
    Survivor(
        "train_unet",
        "if torch.rand(()) < 0.5:  # a room in a mirror",
        "if torch.rand(()) >= 0.5:  # a room in a mirror",
        MIRROR,
    ),
    Survivor(
        "train_unet",
        "if torch.rand(()) < 0.5:  # a room in a mirror",
        "if not torch.rand(()) < 0.5:  # a room in a mirror",
        MIRROR,
    ),
    Survivor("train_unet", "net = UNet(3, num_classes, base=8)", "net = UNet(3, num_classes, base= 9)", FREE),
    Survivor("train_unet", "net = UNet(3, num_classes, base=8)", "net = UNet(3, num_classes, base= 7)", FREE),
    Survivor("train_unet", "epochs, size = 20, 8", "epochs, size = 21, 8", FREE),
    Survivor("train_unet", "epochs, size = 20, 8", "epochs, size = 19, 8", FREE),
    Survivor("train_unet", "epochs, size = 20, 8", "epochs, size = 20, 9", FREE),
    Survivor("train_unet", "epochs, size = 20, 8", "epochs, size = 20, 7", FREE),
    Survivor(
        "train_unet",
        "if torch.rand(()) < 0.5:  # a room in a mirror",
        "if torch.rand(()) < 1.5:  # a room in a mirror",
        MIRROR,
    ),
    Survivor(
        "train_unet",
        "if torch.rand(()) < 0.5:  # a room in a mirror",
        "if torch.rand(()) < -0.5:  # a room in a mirror",
        MIRROR,
    ),
    Survivor("train_unet", "for layer in net.modules():", "for layer in []:", FREE),
]
