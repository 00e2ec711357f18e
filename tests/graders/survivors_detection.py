"""Mutants of the solution of *detection* that nobody can tell from it."""

from tests.graders.proof import Survivor

PYTHON_REFUSES = "what comes later refuses such an argument by itself, with an error of its own, which is accepted"
SAME_AT_ONE = "both formulas give one half where the difference is one"
WORDS = "only the words of the error are others"
FREE = "how the network is made and how long it learns is free, as long as it finds the furniture"
MIRROR = "how rooms are turned or mirrored is free, as long as the network finds the furniture"

SURVIVORS = [
    Survivor(
        "box_convert",
        "if boxes.ndim == 0 or boxes.shape[-1] != 4:",
        "if boxes.ndim == 0 and boxes.shape[-1] != 4:",
        PYTHON_REFUSES,
    ),
    Survivor(
        "box_convert",
        "if boxes.ndim == 0 or boxes.shape[-1] != 4:",
        "if boxes.ndim == -1 or boxes.shape[-1] != 4:",
        PYTHON_REFUSES,
    ),
    Survivor(
        "box_area",
        "if boxes_xyxy.ndim == 0 or boxes_xyxy.shape[-1] != 4:",
        "if boxes_xyxy.ndim == 0 and boxes_xyxy.shape[-1] != 4:",
        PYTHON_REFUSES,
    ),
    Survivor(
        "box_area",
        "if boxes_xyxy.ndim == 0 or boxes_xyxy.shape[-1] != 4:",
        "if boxes_xyxy.ndim == -1 or boxes_xyxy.shape[-1] != 4:",
        PYTHON_REFUSES,
    ),
    Survivor(
        "clip_boxes_to_image",
        "if boxes_xyxy.ndim == 0 or boxes_xyxy.shape[-1] != 4:",
        "if boxes_xyxy.ndim == 0 and boxes_xyxy.shape[-1] != 4:",
        PYTHON_REFUSES,
    ),
    Survivor(
        "clip_boxes_to_image",
        "if boxes_xyxy.ndim == 0 or boxes_xyxy.shape[-1] != 4:",
        "if boxes_xyxy.ndim == -1 or boxes_xyxy.shape[-1] != 4:",
        PYTHON_REFUSES,
    ),
    Survivor(
        "localization_loss",
        "cost = torch.where(size < 1, size**2 / 2, size - 0.5)",
        "cost = torch.where(size <= 1, size**2 / 2, size - 0.5)",
        SAME_AT_ONE,
    ),
    Survivor(
        "classification_localization_loss",
        "if ((labels < 0) | (labels >= logits.shape[1])).any():",
        "if ((labels < 0) & (labels >= logits.shape[1])).any():",
        PYTHON_REFUSES,
    ),
    Survivor(
        "classification_localization_loss",
        "if ((labels < 0) | (labels >= logits.shape[1])).any():",
        "if ((labels < 0) | (labels > logits.shape[1])).any():",
        PYTHON_REFUSES,
    ),
    Survivor(
        "classification_localization_loss",
        "if output.ndim != 2 or output.shape[1] < 5 or not output.is_floating_point():",
        "if output.ndim != 2 and output.shape[1] < 5 or not output.is_floating_point():",
        PYTHON_REFUSES,
    ),
    Survivor(
        "classification_localization_loss",
        "if output.ndim != 2 or output.shape[1] < 5 or not output.is_floating_point():",
        "if output.ndim != 2 or output.shape[1] < 4 or not output.is_floating_point():",
        PYTHON_REFUSES,
    ),
    Survivor(
        "classification_localization_loss",
        "if ((labels < 0) | (labels >= logits.shape[1])).any():",
        "if ((labels < -1) | (labels >= logits.shape[1])).any():",
        PYTHON_REFUSES,
    ),
    Survivor(
        "classification_localization_loss",
        'raise ValueError(f"classification_localization_loss: expected classes in [0, {logits.shape[1]}).")',
        'raise ValueError(f"classification_localization_loss: expected classes in [0, {logits.shape[ 2]}).")',
        WORDS,
    ),
    Survivor(
        "classification_localization_loss",
        'raise ValueError(f"classification_localization_loss: expected classes in [0, {logits.shape[1]}).")',
        'raise ValueError(f"classification_localization_loss: expected classes in [0, {logits.shape[ 0]}).")',
        WORDS,
    ),
    Survivor(
        "encode_targets",
        "for (x1, x2, y1, y2), label in zip(boxes_xxyy.tolist(), labels_list, strict=True):",
        "for (x1, x2, y1, y2), label in zip(boxes_xxyy.tolist(), labels_list, strict=False):",
        PYTHON_REFUSES,
    ),
    Survivor(
        "encode_targets",
        "if boxes_xxyy.ndim != 2 or boxes_xxyy.shape[1] != 4 or labels.shape != boxes_xxyy.shape[:1]:",
        "if boxes_xxyy.ndim != 2 and boxes_xxyy.shape[1] != 4 or labels.shape != boxes_xxyy.shape[:1]:",
        PYTHON_REFUSES,
    ),
    Survivor(
        "encode_targets",
        "if boxes_xxyy.ndim != 2 or boxes_xxyy.shape[1] != 4 or labels.shape != boxes_xxyy.shape[:1]:",
        "if boxes_xxyy.ndim != 2 or boxes_xxyy.shape[1] != 4 and labels.shape != boxes_xxyy.shape[:1]:",
        PYTHON_REFUSES,
    ),
    Survivor(
        "grid_detection_loss", "num_classes = pred.shape[4] - 5", "num_classes = pred.shape[4] + 5", PYTHON_REFUSES
    ),
    Survivor(
        "grid_detection_loss",
        "if labels.is_floating_point() or ((labels < 0) | (labels >= num_classes)).any():",
        "if labels.is_floating_point() or ((labels < 0) & (labels >= num_classes)).any():",
        PYTHON_REFUSES,
    ),
    Survivor(
        "grid_detection_loss",
        "if labels.is_floating_point() or ((labels < 0) | (labels >= num_classes)).any():",
        "if labels.is_floating_point() or ((labels < 0) | (labels > num_classes)).any():",
        PYTHON_REFUSES,
    ),
    Survivor(
        "grid_detection_loss",
        "if obj.shape != slots or cls.shape != slots or box.shape != (*slots, 4):",
        "if obj.shape != slots and cls.shape != slots or box.shape != (*slots, 4):",
        PYTHON_REFUSES,
    ),
    Survivor(
        "grid_detection_loss",
        "if obj.shape != slots or cls.shape != slots or box.shape != (*slots, 4):",
        "if obj.shape != slots or cls.shape != slots and box.shape != (*slots, 4):",
        PYTHON_REFUSES,
    ),
    Survivor(
        "grid_detection_loss",
        "if not pred.is_floating_point() or pred.ndim != 5 or pred.shape[1] != pred.shape[2] or pred.shape[4] < 6:",
        "if not pred.is_floating_point() or pred.ndim != 5 or pred.shape[1] != pred.shape[2] or pred.shape[4] < 5:",
        PYTHON_REFUSES,
    ),
    Survivor(
        "grid_detection_loss", "num_classes = pred.shape[4] - 5", "num_classes = pred.shape[4] - 4", PYTHON_REFUSES
    ),
    Survivor(
        "nms",
        "if boxes_xyxy.ndim != 2 or boxes_xyxy.shape[1] != 4 or scores.shape != boxes_xyxy.shape[:1]:",
        "if boxes_xyxy.ndim != 2 and boxes_xyxy.shape[1] != 4 or scores.shape != boxes_xyxy.shape[:1]:",
        PYTHON_REFUSES,
    ),
    Survivor(
        "train_detector",
        "rows = rows + num_rooms * torch.randint(0, 2, rows.shape)  # as it is, or mirrored",
        "rows = rows - num_rooms * torch.randint(0, 2, rows.shape)  # as it is, or mirrored",
        MIRROR,
    ),
    Survivor("train_detector", "size = images.shape[-2:]", "size = images.shape[2:]", FREE),
    Survivor(
        "train_detector",
        "obj, cls, box = (torch.stack(parts) for parts in zip(*encoded, strict=True))",
        "obj, cls, box = (torch.stack(parts) for parts in zip(*encoded, strict=False))",
        FREE,
    ),
    Survivor(
        "train_detector",
        'encode_targets(box_convert(target["boxes"], "xyxy", "xxyy"), target["labels"], 8, 1, 3, size)',
        'encode_targets(box_convert(target["boxes"], "xyxy", "xxyy"), target["labels"], 8, 1, 4, size)',
        FREE,
    ),
    Survivor(
        "train_detector",
        "images, box = torch.cat([images, images.flip(3)]), torch.cat([box, mirrored])",
        "images, box = torch.cat([images, images.flip( 2)]), torch.cat([box, mirrored])",
        MIRROR,
    ),
    Survivor(
        "train_detector",
        "obj, cls = torch.cat([obj, obj.flip(2)]), torch.cat([cls, cls.flip(2)])",
        "obj, cls = torch.cat([obj, obj.flip(2)]), torch.cat([cls, cls.flip( 3)])",
        MIRROR,
    ),
    Survivor(
        "train_detector",
        "obj, cls = torch.cat([obj, obj.flip(2)]), torch.cat([cls, cls.flip(2)])",
        "obj, cls = torch.cat([obj, obj.flip(2)]), torch.cat([cls, cls.flip( 1)])",
        MIRROR,
    ),
    Survivor("train_detector", "epochs, num_rooms = 24, len(targets)", "epochs, num_rooms = 25, len(targets)", FREE),
    Survivor("train_detector", "epochs, num_rooms = 24, len(targets)", "epochs, num_rooms = 23, len(targets)", FREE),
    Survivor(
        "train_detector",
        "steps = epochs * math.ceil(num_rooms / 16)",
        "steps = epochs * math.ceil(num_rooms / 15)",
        FREE,
    ),
    Survivor(
        "train_detector",
        "optimizer = torch.optim.AdamW(net.parameters(), lr=0.003)",
        "optimizer = torch.optim.AdamW(net.parameters(), lr= 1.003)",
        FREE,
    ),
    Survivor(
        "train_detector",
        "for rows in torch.randperm(num_rooms).split(16):",
        "for rows in torch.randperm(num_rooms).split( 17):",
        FREE,
    ),
    Survivor(
        "train_detector",
        "rows = rows + num_rooms * torch.randint(0, 2, rows.shape)  # as it is, or mirrored",
        "rows = rows + num_rooms * torch.randint( 1, 2, rows.shape)  # as it is, or mirrored",
        MIRROR,
    ),
    Survivor(
        "train_detector",
        "rows = rows + num_rooms * torch.randint(0, 2, rows.shape)  # as it is, or mirrored",
        "rows = rows + num_rooms * torch.randint(0, 1, rows.shape)  # as it is, or mirrored",
        MIRROR,
    ),
    Survivor(
        "train_detector",
        "loss = grid_detection_loss(net(images[rows]), obj[rows], cls[rows], box[rows], 30.0, 0.5)",
        "loss = grid_detection_loss(net(images[rows]), obj[rows], cls[rows], box[rows], 31.0, 0.5)",
        FREE,
    ),
    Survivor(
        "train_detector",
        "loss = grid_detection_loss(net(images[rows]), obj[rows], cls[rows], box[rows], 30.0, 0.5)",
        "loss = grid_detection_loss(net(images[rows]), obj[rows], cls[rows], box[rows], 29.0, 0.5)",
        FREE,
    ),
    Survivor(
        "train_detector",
        "loss = grid_detection_loss(net(images[rows]), obj[rows], cls[rows], box[rows], 30.0, 0.5)",
        "loss = grid_detection_loss(net(images[rows]), obj[rows], cls[rows], box[rows], 30.0, 1.5)",
        FREE,
    ),
]
