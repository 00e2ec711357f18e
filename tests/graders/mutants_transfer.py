"""Mutants of the topic *transfer*: each has one mistake of the misconception bank, in a student's own words.

Most are an edit of one of ten small correct sources, so that the mistake can be seen; where the mistake is another
computation, the source is written out. They share no code with ``tests/hidden``.

Two rows of the bank are no bugs in these functions, and have no mutant: images that are not normalised as in the
pretraining (row 15; no function here reads or scales images) and a running variance that is biased or moves with the
wrong momentum (row 16; PyTorch's own BatchNorm computes it, and no exercise writes one).
"""

from __future__ import annotations

from tests.graders.proof import Mutant

SLOW = ("transfer_learn",)

FREEZE = """\
def freeze(module):
    for p in module.parameters():
        p.requires_grad = False
        p.grad = None
    return module
"""

UNFREEZE = """\
def unfreeze(module):
    for p in module.parameters():
        p.requires_grad = True
    return module
"""

TRAINABLE_PARAMETERS = """\
def trainable_parameters(model):
    total = 0
    for p in model.parameters():
        if p.requires_grad:
            total += p.numel()
    return total
"""

REPLACE_HEAD = """\
def replace_head(model, num_classes):
    if not hasattr(model, "fc") or not isinstance(model.fc, nn.Linear):
        raise ValueError("no linear head")
    if num_classes < 1:
        raise ValueError("no class")
    old = model.fc
    new = nn.Linear(old.in_features, num_classes, device=old.weight.device, dtype=old.weight.dtype)
    new.train(old.training)
    model.fc = new
    return model
"""

SET_BN_EVAL = """\
def set_bn_eval(module):
    for m in module.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            if all(not p.requires_grad for p in m.parameters()):
                m.eval()
"""

BUILD_FEATURE_EXTRACTOR = """\
def build_feature_extractor(model, num_classes):
    if not isinstance(getattr(model, "fc", None), nn.Linear) or num_classes < 1:
        raise ValueError("head")
    freeze(model)
    replace_head(model, num_classes)
    model.train = types.MethodType(train_with_frozen_norms, model)
    set_bn_eval(model)
    return model


def train_with_frozen_norms(self, mode=True):
    nn.Module.train(self, mode)
    set_bn_eval(self)
    return self
"""

FREEZE_STAGES = """\
def freeze_stages(model, k):
    stages = [["conv1", "bn1"], ["layer1"], ["layer2"], ["layer3"], ["layer4"]]
    if k not in [0, 1, 2, 3, 4, 5]:
        raise ValueError("k")
    for stage in stages:
        for name in stage:
            if not hasattr(model, name):
                raise ValueError(name)
    for stage in stages[:k]:
        for name in stage:
            freeze(getattr(model, name))
    return model
"""

STAGES = """\


def _stages(model):
    try:
        return [[model.conv1, model.bn1], [model.layer1], [model.layer2], [model.layer3], [model.layer4]]
    except AttributeError as error:
        raise ValueError("no ResNet") from error
"""
"""What the solution's ``parameter_groups`` takes from the cell of ``freeze_stages``, in a cell that has its own way."""

FREEZE_STAGES += STAGES

PARAMETER_GROUPS = """\
def parameter_groups(model, lr, decay=1.0, head_lr=None):
    stages = [["conv1", "bn1"], ["layer1"], ["layer2"], ["layer3"], ["layer4"]]
    for stage in stages:
        for name in stage:
            if not hasattr(model, name):
                raise ValueError(name)
    if head_lr is None:
        head_lr = lr
    for rate in (lr, decay, head_lr):
        if not math.isfinite(rate) or rate < 0:
            raise ValueError("rate")
    groups = []
    used = set()
    for s, stage in enumerate(stages):
        params = []
        for name in stage:
            for p in getattr(model, name).parameters():
                if p.requires_grad and p not in used:
                    params.append(p)
                    used.add(p)
        if params:
            groups.append({"params": params, "lr": lr * decay ** (4 - s)})
    head = [p for p in model.parameters() if p.requires_grad and p not in used]
    if head:
        groups.append({"params": head, "lr": head_lr})
    return groups
"""

TRAIN_STEP = """\
def train_step(model, optimizer, x, y):
    if len(x) == 0:
        raise ValueError("no images")
    if y.shape != (len(x),) or y.is_floating_point():
        raise ValueError("labels")
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError("nothing to train")
    model.train()
    set_bn_eval(model)
    optimizer.zero_grad()
    logits = model(x)
    y = y.long()
    if y.min() < 0 or y.max() >= logits.shape[1]:
        raise ValueError("labels out of range")
    loss = F.cross_entropy(logits, y)
    loss.backward()
    optimizer.step()
    return loss.item()
"""

TRANSFER_LEARN = """\
def transfer_learn(model, images, labels, num_classes, mode="extractor", epochs=20, lr=0.01, seed=0):
    if mode not in ("extractor", "fine_tune"):
        raise ValueError("mode")
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    if mode == "extractor":
        build_feature_extractor(model, num_classes)
    else:
        unfreeze(model)
        replace_head(model, num_classes)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr)
    for epoch in range(epochs):
        order = torch.randperm(len(images)).to(images.device)
        for i in range(0, len(images), 32):
            rows = order[i:i + 32]
            if len(rows) > 1 or mode == "extractor":
                train_step(model, optimizer, images[rows], labels[rows])
    torch.set_rng_state(state)
    model.eval()
    return model
"""

BASES = {
    "freeze": FREEZE,
    "unfreeze": UNFREEZE,
    "trainable_parameters": TRAINABLE_PARAMETERS,
    "replace_head": REPLACE_HEAD,
    "set_bn_eval": SET_BN_EVAL,
    "build_feature_extractor": BUILD_FEATURE_EXTRACTOR,
    "freeze_stages": FREEZE_STAGES,
    "parameter_groups": PARAMETER_GROUPS,
    "train_step": TRAIN_STEP,
    "transfer_learn": TRANSFER_LEARN,
}


def _edit(source: str, *edits: tuple[str, str]) -> str:
    """Return ``source`` with each ``(old, new)`` replaced; ``old`` has to be there."""
    for old, new in edits:
        if old not in source:
            raise ValueError(f"nothing to replace: {old!r}")
        source = source.replace(old, new)
    return source


def _mutant(id: str, exercise: str, mistake: str, caught_by: str, named: str | None, *edits: tuple[str, str]) -> Mutant:
    """Return an edit of the correct source; where no misconception is named, the message itself says it."""
    reason = "" if named else "the message or the student's own error says it"
    return Mutant(id, exercise, mistake, _edit(BASES[exercise], *edits), caught_by, named, reason)


def _written(id: str, exercise: str, mistake: str, caught_by: str, named: str | None, source: str) -> Mutant:
    """Return a mutant whose source is written out."""
    reason = "" if named else "the message or the student's own error says it"
    return Mutant(id, exercise, mistake, source, caught_by, named, reason)


UNREAD = "An attribute is set that nobody reads: `require_grad`, or `requires_grad` of the module"
NORMS_LEFT = "The weights and biases of BatchNorm stay trainable"
STACKED = "The new layer is put on top of the old one"
OUT_FEATURES = "A number is written into the old layer, whose weights stay as they were"
ELSEWHERE = "The new layer has a name that `forward` does not know"
ONE_NETWORK = "The number of inputs of the head is fixed to that of one network"
STATISTICS = "The statistics of BatchNorm still learn, although its parameters are frozen"
UNDONE = "BatchNorm is put into eval mode once, and the next `train()` undoes it"
FROZEN_LAST = "The head is replaced first, and then frozen with all the rest"
NOT_FROZEN = "Nothing is frozen"
NO_GRADIENT = "The whole forward pass runs without gradient, the head included"
NO_STEP = "The parameters do not move: there is no step, or it comes before the gradients are there"
LOST_GRADIENT = "No gradient reaches the step: the forward pass runs without one, or it is removed again"
BATCH_STATISTICS = "The statistics no longer change, but those of the batch are used to normalise"
EVERYTHING_EVALUATED = "The whole network is put into eval mode, not only frozen BatchNorm"
STEMLESS = "The stem is forgotten: the first stage is taken to be `layer1`"
HALF_A_STEM = "`bn1` is forgotten in the stem"
INVERTED = "The rates are inverted: the stem is the fastest"
RATE_ZERO_BODY = (
    "The body is not frozen: its parameters are kept still by a rate of 0, or by not being in the optimizer"
)

_TRAIN = "    model.train = types.MethodType(train_with_frozen_norms, model)\n"
_CALL = "    set_bn_eval(model)\n"
_NEW = "    new = nn.Linear(old.in_features, num_classes, device=old.weight.device, dtype=old.weight.dtype)\n"
_STEM = '["conv1", "bn1"], '
_OPTIMIZER = "    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr)\n"
_MODES = """\
    if mode == "extractor":
        build_feature_extractor(model, num_classes)
    else:
        unfreeze(model)
        replace_head(model, num_classes)
"""

BANK = (
    _mutant(
        "T4-M01a",
        "build_feature_extractor",
        "BatchNorm is forgotten",
        "check_training_changes_the_head_alone",
        STATISTICS,
        (_TRAIN, ""),
        (_CALL + "    return model", "    return model"),
    ),
    _mutant("T4-M01b", "train_step", "BatchNorm is forgotten", "check_frozen_norms_in_a_step", STATISTICS, (_CALL, "")),
    _mutant(
        "T4-M01c",
        "transfer_learn",
        "an extractor without care for BatchNorm",
        "check_extractor_is_as_it_was",
        STATISTICS,
        ("        build_feature_extractor(model, num_classes)\n", "        replace_head(freeze(model), num_classes)\n"),
        (
            "                train_step(model, optimizer, images[rows], labels[rows])\n",
            "                model.train()\n"
            "                optimizer.zero_grad()\n"
            "                F.cross_entropy(model(images[rows]), labels[rows].long()).backward()\n"
            "                optimizer.step()\n",
        ),
    ),
    _mutant(
        "T4-M01d",
        "set_bn_eval",
        "momentum 0 instead of eval mode",
        "check_frozen_norms_ignore_the_batch",
        BATCH_STATISTICS,
        ("m.eval()", "m.momentum = 0.0"),
    ),
    _mutant(
        "T4-M01e",
        "set_bn_eval",
        "statistics are not tracked",
        "check_frozen_norms_ignore_the_batch",
        BATCH_STATISTICS,
        ("m.eval()", "m.track_running_stats = False"),
    ),
    _mutant("T4-M02a", "build_feature_extractor", "set_bn_eval once", "check_modes_after_train", UNDONE, (_TRAIN, "")),
    _mutant(
        "T4-M02b",
        "build_feature_extractor",
        "model.eval() once",
        "check_modes_after_train",
        UNDONE,
        (_TRAIN, ""),
        (_CALL + "    return model", "    model.eval()\n    return model"),
    ),
    _mutant(
        "T4-M02c",
        "train_step",
        "model.train() comes last",
        "check_frozen_norms_in_a_step",
        STATISTICS,
        ("    model.train()\n    set_bn_eval(model)\n", "    set_bn_eval(model)\n    model.train()\n"),
    ),
    _mutant(
        "T4-M03a",
        "freeze",
        "require_grad",
        "check_nothing_is_left_to_train",
        UNREAD,
        ("p.requires_grad", "p.require_grad"),
    ),
    _mutant(
        "T4-M03b",
        "unfreeze",
        "require_grad",
        "check_everything_is_left_to_train",
        UNREAD,
        ("p.requires_grad", "p.require_grad"),
    ),
    _mutant(
        "T4-M03c",
        "freeze_stages",
        "requires_gard",
        "check_stages_in_the_middle",
        NOT_FROZEN,
        (
            "            freeze(getattr(model, name))\n",
            "            for p in getattr(model, name).parameters():\n                p.requires_gard = False\n",
        ),
    ),
    _written(
        "T4-M04a",
        "freeze",
        "the flag of the module",
        "check_nothing_is_left_to_train",
        UNREAD,
        "def freeze(module):\n    module.requires_grad = False\n    return module\n",
    ),
    _written(
        "T4-M04b",
        "unfreeze",
        "the flag of the module",
        "check_everything_is_left_to_train",
        UNREAD,
        "def unfreeze(module):\n    module.requires_grad = True\n    return module\n",
    ),
    _mutant(
        "T4-M04c",
        "freeze_stages",
        "the flag of the stage",
        "check_the_stem_is_one_stage",
        NOT_FROZEN,
        ("freeze(getattr(model, name))", "getattr(model, name).requires_grad = False"),
    ),
    _mutant(
        "T4-M04d",
        "build_feature_extractor",
        "the flag of the network",
        "check_only_the_head_trains",
        NOT_FROZEN,
        ("    freeze(model)\n", "    model.requires_grad = False\n    model.zero_grad()\n"),
    ),
    _mutant(
        "T4-M05a",
        "build_feature_extractor",
        "replaced first, frozen second",
        "check_only_the_head_trains",
        FROZEN_LAST,
        (
            "    freeze(model)\n    replace_head(model, num_classes)\n",
            "    replace_head(model, num_classes)\n    freeze(model)\n",
        ),
    ),
    _mutant(
        "T4-M05b",
        "transfer_learn",
        "frozen when all is built",
        "check_extractor_is_as_it_was",
        FROZEN_LAST,
        ("    torch.set_rng_state(state)\n", "    freeze(model)\n    torch.set_rng_state(state)\n"),
    ),
    _mutant(
        "T4-M06a",
        "replace_head",
        "out_features is set",
        "check_size_of_the_new_head",
        OUT_FEATURES,
        (_NEW, "    new = old\n    new.out_features = num_classes\n    new.requires_grad_(True)\n"),
    ),
    _mutant(
        "T4-M06b",
        "replace_head",
        "a classifier beside fc",
        "check_size_of_the_new_head",
        ELSEWHERE,
        ("model.fc = new", "model.classifier = new"),
    ),
    _mutant(
        "T4-M06c",
        "build_feature_extractor",
        "a classifier beside fc",
        "check_only_the_head_trains",
        ELSEWHERE,
        (
            "    freeze(model)\n    replace_head(model, num_classes)\n",
            "    model.classifier = nn.Linear(model.fc.in_features, num_classes)\n",
        ),
    ),
    _mutant(
        "T4-M07a",
        "replace_head",
        "on top of the old one",
        "check_size_of_the_new_head",
        STACKED,
        ("old.in_features", "old.out_features"),
        ("model.fc = new", "model.fc = nn.Sequential(old, new)"),
    ),
    _mutant(
        "T4-M07b",
        "build_feature_extractor",
        "on top of the old one",
        "check_only_the_head_trains",
        STACKED,
        (
            "    replace_head(model, num_classes)\n",
            "    model.fc = nn.Sequential(model.fc, nn.Linear(model.fc.out_features, num_classes))\n",
        ),
    ),
    _mutant(
        "T4-M09a",
        "transfer_learn",
        "the optimizer is made before unfreezing",
        "check_fine_tuning_trains_everything",
        "The body is unfrozen after the optimizer was made of the trainable parameters, and never learns",
        (_OPTIMIZER, ""),
        (
            _MODES,
            "    build_feature_extractor(model, num_classes)\n"
            + _OPTIMIZER
            + '    if mode == "fine_tune":\n        unfreeze(model)\n',
        ),
    ),
    _mutant(
        "T4-M11a",
        "parameter_groups",
        "the head is the whole network",
        "check_every_parameter_once",
        "The last group holds the whole network: parameters are in two groups",
        ("if p.requires_grad and p not in used]", "if p.requires_grad]"),
    ),
    _mutant(
        "T4-M11b",
        "parameter_groups",
        "the head is forgotten",
        "check_every_parameter_once",
        "The head is in no group",
        ("    if head:\n", "    if False:\n"),
    ),
    _mutant(
        "T4-M12a", "parameter_groups", "the exponent counts up", "check_rate_of_each_stage", INVERTED, ("(4 - s)", "s")
    ),
    _mutant(
        "T4-M12b",
        "parameter_groups",
        "the exponent counts up, beside a head with its own rate",
        "check_rate_of_the_head",
        INVERTED,
        ("decay ** (4 - s)", "decay ** s"),
    ),
    _mutant(
        "T4-M13a",
        "build_feature_extractor",
        "forward without gradient",
        "check_head_learns_from_one_image",
        NO_GRADIENT,
        (_TRAIN, _TRAIN + "    model.forward = torch.no_grad()(model.forward)\n"),
    ),
    _mutant(
        "T4-M13b",
        "train_step",
        "forward without gradient, and the loss made to require one",
        "check_one_step_of_the_optimizer",
        LOST_GRADIENT,
        ("    logits = model(x)\n", "    with torch.no_grad():\n        logits = model(x)\n"),
        ("    loss.backward()\n", "    loss.requires_grad = True\n    loss.backward()\n"),
    ),
    _mutant("T4-M17a", "freeze_stages", "no stem", "check_the_stem_is_one_stage", STEMLESS, (_STEM, "")),
    _mutant(
        "T4-M17b", "freeze_stages", "bn1 is forgotten", "check_the_stem_is_one_stage", HALF_A_STEM, (', "bn1"]', "]")
    ),
    _mutant(
        "T4-M17c",
        "freeze_stages",
        "one too many",
        "check_the_stem_is_one_stage",
        "One stage too many is frozen",
        ("stages[:k]", "stages[:k + 1]"),
    ),
    _mutant(
        "T4-M17d",
        "freeze_stages",
        "one too few",
        "check_stages_in_the_middle",
        "One stage too few is frozen",
        ("stages[:k]", "stages[:max(k - 1, 0)]"),
    ),
    _mutant(
        "T4-M17e",
        "parameter_groups",
        "bn1 goes to the head",
        "check_every_parameter_once",
        "`bn1` is taken for a part of the head",
        (', "bn1"]', "]"),
    ),
    _mutant(
        "T4-M18a",
        "freeze",
        "BatchNorm is spared",
        "check_nothing_is_left_to_train",
        NORMS_LEFT,
        (
            "    for p in module.parameters():\n        p.requires_grad = False\n        p.grad = None\n",
            "    for m in module.modules():\n"
            "        if isinstance(m, nn.modules.batchnorm._BatchNorm):\n"
            "            continue\n"
            "        for p in m.parameters(recurse=False):\n"
            "            p.requires_grad = False\n"
            "            p.grad = None\n",
        ),
    ),
    _mutant(
        "T4-M18b",
        "freeze_stages",
        "BatchNorm is spared",
        "check_stages_in_the_middle",
        NORMS_LEFT,
        (
            "            freeze(getattr(model, name))\n",
            "            for m in getattr(model, name).modules():\n"
            "                if isinstance(m, nn.Conv2d):\n"
            "                    freeze(m)\n",
        ),
    ),
    _mutant(
        "T4-M18c",
        "build_feature_extractor",
        "BatchNorm is spared",
        "check_only_the_head_trains",
        NORMS_LEFT,
        (
            "    freeze(model)\n",
            "    for m in model.modules():\n        if not list(m.children()) and not isinstance(m, nn.BatchNorm2d):\n"
            "            freeze(m)\n",
        ),
    ),
    _mutant(
        "T4-M20a",
        "parameter_groups",
        "frozen stages have a rate of 0",
        "check_frozen_parameters_are_left_out",
        "Frozen parameters are in the groups, with a rate of 0",
        ("                if p.requires_grad and p not in used:", "                if p not in used:"),
        ('"lr": lr * decay ** (4 - s)', '"lr": lr * decay ** (4 - s) if any(p.requires_grad for p in params) else 0.0'),
        (
            "[p for p in model.parameters() if p.requires_grad and p not in used]",
            "[p for p in model.parameters() if p not in used]",
        ),
        ('"lr": head_lr}', '"lr": head_lr if any(p.requires_grad for p in head) else 0.0}'),
    ),
    _mutant(
        "T4-M20b",
        "transfer_learn",
        "a rate of 0 instead of freezing",
        "check_extractor_is_as_it_was",
        RATE_ZERO_BODY,
        ("        build_feature_extractor(model, num_classes)\n", "        replace_head(model, num_classes)\n"),
        (
            _OPTIMIZER,
            "    body = [p for n, p in model.named_parameters() if n[:3] != 'fc.']\n"
            "    rate = 0.0 if mode == 'extractor' else lr\n"
            "    groups = [{'params': body, 'lr': rate}, {'params': model.fc.parameters()}]\n"
            "    optimizer = torch.optim.Adam(groups, lr=lr)\n",
        ),
    ),
    _mutant(
        "T4-M21a", "replace_head", "512 inputs", "check_size_of_the_new_head", ONE_NETWORK, ("old.in_features", "512")
    ),
    _mutant(
        "T4-M21b", "replace_head", "2048 inputs", "check_size_of_the_new_head", ONE_NETWORK, ("old.in_features", "2048")
    ),
)
"""The classic misconceptions."""

_NAMES = "check_names_of_the_extractor"
_ALONE = "check_training_changes_the_head_alone"

SLIPS = (
    # freeze
    _mutant(
        "T4-X01",
        "freeze",
        "gradients stay",
        "check_old_gradients_are_gone",
        "Old gradients stay, and an optimizer goes on moving the frozen parameters",
        ("        p.grad = None\n", ""),
    ),
    _mutant(
        "T4-X02",
        "freeze",
        "gradients of zero",
        "check_old_gradients_are_gone",
        "Gradients are set to 0: weight decay and momentum still move the frozen parameters",
        ("p.grad = None", "p.grad = None if p.grad is None else torch.zeros_like(p)"),
    ),
    _mutant(
        "T4-X03",
        "freeze",
        "eval mode as well",
        "check_freezing_changes_nothing_else",
        "The mode is changed as well: freezing and `eval()` are two things",
        ("return module", "return module.eval()"),
    ),
    _written(
        "T4-X04",
        "freeze",
        "eval mode only",
        "check_nothing_is_left_to_train",
        UNREAD,
        "def freeze(module):\n    return module.eval()\n",
    ),
    _mutant(
        "T4-X05",
        "freeze",
        "nothing comes back",
        "check_freezing_changes_nothing_else",
        None,
        ("    return module\n", ""),
    ),
    _mutant(
        "T4-X06",
        "freeze",
        "a copy is frozen",
        "check_freezing_changes_nothing_else",
        None,
        ("def freeze(module):\n", "import copy\n\n\ndef freeze(module):\n    module = copy.deepcopy(module)\n"),
    ),
    _mutant(
        "T4-X07",
        "freeze",
        "biases stay",
        "check_nothing_is_left_to_train",
        "Biases stay trainable",
        (
            "for p in module.parameters():\n",
            "for n, p in module.named_parameters():\n        if not n.endswith('weight'):\n            continue\n",
        ),
    ),
    _mutant(
        "T4-X08",
        "freeze",
        "not the modules inside",
        "check_nothing_is_left_to_train",
        "Only the module's own parameters are frozen, not those of the modules inside it",
        ("module.parameters()", "module.parameters(recurse=False)"),
    ),
    _mutant(
        "T4-X09",
        "freeze",
        "only the weights of layers",
        "check_nothing_is_left_to_train",
        None,
        (
            "for p in module.parameters():\n        p.requires_grad = False\n        p.grad = None\n",
            "for m in module.modules():\n        if isinstance(m, nn.Conv2d):\n"
            "            m.weight.requires_grad = False\n            m.weight.grad = None\n",
        ),
    ),
    _mutant(
        "T4-X10",
        "freeze",
        "buffers are reset",
        "check_freezing_changes_nothing_else",
        None,
        ("    return module", "    for b in module.buffers():\n        b.zero_()\n    return module"),
    ),
    _mutant(
        "T4-X11",
        "freeze",
        "parameters are detached copies",
        "check_freezing_changes_nothing_else",
        None,
        (
            "    return module",
            "    for m in module.modules():\n        for n, p in list(m.named_parameters(recurse=False)):\n"
            "            setattr(m, n, nn.Parameter(p.detach().clone(), requires_grad=False))\n    return module",
        ),
    ),
    _mutant(
        "T4-X12",
        "freeze",
        "the direct children only",
        "check_only_this_part_is_frozen",
        None,
        (
            "for p in module.parameters():\n        p.requires_grad = False\n        p.grad = None\n",
            "for child in module.children():\n        for p in child.parameters():\n"
            "            p.requires_grad = False\n            p.grad = None\n",
        ),
    ),
    # unfreeze
    _mutant(
        "T4-X13",
        "unfreeze",
        "train mode as well",
        "check_unfreezing_changes_nothing_else",
        "The mode is changed as well",
        ("return module", "return module.train()"),
    ),
    _mutant(
        "T4-X14",
        "unfreeze",
        "gradients are removed",
        "check_unfreezing_changes_nothing_else",
        "Gradients are removed as well",
        ("p.requires_grad = True", "p.requires_grad = True\n        p.grad = None"),
    ),
    _mutant(
        "T4-X15",
        "unfreeze",
        "nothing comes back",
        "check_unfreezing_changes_nothing_else",
        None,
        ("    return module\n", ""),
    ),
    _mutant(
        "T4-X16",
        "unfreeze",
        "the flag is toggled",
        "check_everything_is_left_to_train",
        None,
        ("= True", "= not p.requires_grad"),
    ),
    _mutant(
        "T4-X17",
        "unfreeze",
        "BatchNorm stays frozen",
        "check_everything_is_left_to_train",
        None,
        (
            "for p in module.parameters():\n",
            "for p in module.parameters():\n        if p.dim() == 1:\n            continue\n",
        ),
    ),
    # trainable_parameters
    _mutant(
        "T4-X18",
        "trainable_parameters",
        "frozen ones, too",
        "check_numbers_that_can_change",
        "Frozen parameters are counted, too",
        ("if p.requires_grad:", "if True:"),
    ),
    _mutant(
        "T4-X19",
        "trainable_parameters",
        "frozen ones only",
        "check_numbers_that_can_change",
        "The frozen parameters are counted",
        ("if p.requires_grad", "if not p.requires_grad"),
    ),
    _mutant(
        "T4-X20",
        "trainable_parameters",
        "tensors",
        "check_numbers_that_can_change",
        "Tensors are counted, not their numbers",
        ("p.numel()", "1"),
    ),
    _mutant(
        "T4-X21",
        "trainable_parameters",
        "lengths",
        "check_numbers_that_can_change",
        "Only the length of each tensor is counted",
        ("p.numel()", "len(p)"),
    ),
    _mutant(
        "T4-X22",
        "trainable_parameters",
        "buffers, too",
        "check_buffers_do_not_count",
        "Buffers are counted, too",
        ("    return total", "    return total + sum(b.numel() for b in model.buffers())"),
    ),
    _mutant(
        "T4-X23",
        "trainable_parameters",
        "shared ones twice",
        "check_shared_parameters_count_once",
        "A shared parameter is counted wherever it occurs",
        ("model.parameters()", "[p for m in model.modules() for p in m.parameters(recurse=False)]"),
    ),
    _mutant("T4-X24", "trainable_parameters", "a float", "check_count_of_nothing", None, ("total = 0", "total = 0.0")),
    _mutant(
        "T4-X25",
        "trainable_parameters",
        "all are unfrozen",
        "check_numbers_that_can_change",
        "Frozen parameters are counted, too",
        ("    for p in", "    model.requires_grad_(True)\n    for p in"),
    ),
    _mutant(
        "T4-X26",
        "trainable_parameters",
        "the first parameter decides",
        "check_numbers_that_can_change",
        None,
        ("        if p.requires_grad:\n", "        if next(model.parameters()).requires_grad:\n"),
    ),
    # replace_head
    _mutant(
        "T4-X27",
        "replace_head",
        "float32",
        "check_dtype_and_mode_of_the_new_head",
        "The new head has PyTorch's default dtype",
        (", dtype=old.weight.dtype", ""),
    ),
    _mutant(
        "T4-X28",
        "replace_head",
        "train mode",
        "check_dtype_and_mode_of_the_new_head",
        "The new head is always in train mode",
        ("    new.train(old.training)\n", ""),
    ),
    _mutant(
        "T4-X29",
        "replace_head",
        "as frozen as the old one",
        "check_new_head_is_trainable",
        "The new head is as frozen as the old one was",
        ("    model.fc = new\n", "    new.requires_grad_(old.weight.requires_grad)\n    model.fc = new\n"),
    ),
    _mutant(
        "T4-X30",
        "replace_head",
        "the body is frozen",
        "check_new_head_is_trainable",
        "The body is frozen, which nobody has asked for",
        ("    old = model.fc\n", "    old = model.fc\n    freeze(model)\n"),
    ),
    _mutant(
        "T4-X31",
        "replace_head",
        "no bias",
        "check_size_of_the_new_head",
        None,
        ("num_classes, device", "num_classes, bias=False, device"),
    ),
    _mutant(
        "T4-X32",
        "replace_head",
        "a bias only if there was one",
        "check_one_class_and_no_bias",
        "The new head has a bias only if the old one had one",
        ("num_classes, device", "num_classes, bias=old.bias is not None, device"),
    ),
    _mutant(
        "T4-X33",
        "replace_head",
        "zeros",
        "check_beginning_of_the_new_head",
        None,
        ("    model.fc = new\n", "    nn.init.zeros_(new.weight)\n    model.fc = new\n"),
    ),
    _mutant(
        "T4-X34",
        "replace_head",
        "large numbers",
        "check_beginning_of_the_new_head",
        None,
        ("    model.fc = new\n", "    nn.init.normal_(new.weight)\n    model.fc = new\n"),
    ),
    _mutant(
        "T4-X35",
        "replace_head",
        "two classes at least",
        "check_one_class_and_no_bias",
        None,
        ("num_classes < 1", "num_classes < 2"),
    ),
    _mutant(
        "T4-X36",
        "replace_head",
        "no look at the classes",
        "check_networks_without_head",
        None,
        ("num_classes < 1", "False"),
    ),
    _mutant(
        "T4-X37",
        "replace_head",
        "no look at the type",
        "check_networks_without_head",
        None,
        (" or not isinstance(model.fc, nn.Linear)", ""),
    ),
    _mutant(
        "T4-X38",
        "replace_head",
        "no look for fc",
        "check_networks_without_head",
        None,
        ('not hasattr(model, "fc") or ', ""),
    ),
    _mutant(
        "T4-X39",
        "replace_head",
        "fc is gone before the error",
        "check_networks_without_head",
        None,
        ("    if num_classes < 1:\n", "    old, model.fc = model.fc, None\n    if num_classes < 1:\n"),
        ("    old = model.fc\n", ""),
    ),
    _mutant(
        "T4-X40",
        "replace_head",
        "a sequence with dropout",
        "check_size_of_the_new_head",
        None,
        ("model.fc = new", "model.fc = nn.Sequential(nn.Dropout(), new)"),
    ),
    _mutant(
        "T4-X41",
        "replace_head",
        "the head itself comes back",
        "check_size_of_the_new_head",
        None,
        ("return model", "return new"),
    ),
    _mutant(
        "T4-X42",
        "replace_head",
        "train mode for all",
        "check_body_is_left_alone",
        None,
        ("    return model", "    return model.train()"),
    ),
    _mutant(
        "T4-X43",
        "replace_head",
        "gradients are removed",
        "check_body_is_left_alone",
        None,
        ("    return model", "    for b in model.buffers():\n        b.zero_()\n    return model"),
    ),
    _mutant(
        "T4-X44",
        "replace_head",
        "one row more",
        "check_logits_of_the_new_head",
        None,
        ("old.in_features, num_classes", "old.in_features, num_classes + 1"),
    ),
    _mutant(
        "T4-X45",
        "replace_head",
        "the old weights are cut",
        "check_beginning_of_the_new_head",
        None,
        (
            "    model.fc = new\n",
            "    with torch.no_grad():\n        n = min(num_classes, old.out_features)\n"
            "        new.weight[:n] = old.weight[:n]\n    model.fc = new\n",
        ),
    ),
    # set_bn_eval
    _mutant(
        "T4-X46",
        "set_bn_eval",
        "all",
        "check_frozen_norms_evaluate",
        "Every BatchNorm layer is put into eval mode, frozen or not",
        ("if all(not p.requires_grad for p in m.parameters())", "if True"),
    ),
    _mutant(
        "T4-X47",
        "set_bn_eval",
        "the trainable ones",
        "check_frozen_norms_evaluate",
        "Trainable BatchNorm is put into eval mode, not frozen",
        ("all(not p.requires_grad", "all(p.requires_grad"),
    ),
    _mutant(
        "T4-X48",
        "set_bn_eval",
        "one frozen is enough",
        "check_half_frozen_norms_train",
        "One frozen parameter is taken to be enough",
        ("all(not", "any(not"),
    ),
    _mutant(
        "T4-X49",
        "set_bn_eval",
        "the weight decides",
        "check_half_frozen_norms_train",
        "Only the weight is asked whether it is frozen",
        ("all(not p.requires_grad for p in m.parameters())", "not m.weight.requires_grad"),
    ),
    _mutant(
        "T4-X50",
        "set_bn_eval",
        "two dimensions",
        "check_every_kind_of_batch_norm",
        "Only `BatchNorm2d` is looked for",
        ("nn.modules.batchnorm._BatchNorm", "nn.BatchNorm2d"),
    ),
    _mutant(
        "T4-X51",
        "set_bn_eval",
        "no derived classes",
        "check_every_kind_of_batch_norm",
        None,
        (
            "isinstance(m, nn.modules.batchnorm._BatchNorm)",
            "type(m) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)",
        ),
    ),
    _mutant(
        "T4-X52",
        "set_bn_eval",
        "direct children",
        "check_frozen_norms_evaluate",
        "Only direct children are looked at, not the layers inside them",
        ("module.modules()", "module.children()"),
    ),
    _mutant(
        "T4-X53",
        "set_bn_eval",
        "every frozen layer",
        "check_other_layers_keep_their_mode",
        "Layers that are no BatchNorm are put into eval mode",
        ("isinstance(m, nn.modules.batchnorm._BatchNorm)", "True"),
    ),
    _written(
        "T4-X54",
        "set_bn_eval",
        "everything",
        "check_frozen_norms_evaluate",
        EVERYTHING_EVALUATED,
        "def set_bn_eval(module):\n    module.eval()\n",
    ),
    _mutant(
        "T4-X55",
        "set_bn_eval",
        "trainable ones are put into train mode",
        "check_modes_change_and_nothing_else",
        "Trainable BatchNorm is put into train mode",
        ("                m.eval()\n", "                m.eval()\n            else:\n                m.train()\n"),
    ),
    _mutant(
        "T4-X56",
        "set_bn_eval",
        "all are frozen",
        "check_modes_change_and_nothing_else",
        "BatchNorm is frozen as well",
        (
            "            if all(not p.requires_grad for p in m.parameters()):\n                m.eval()\n",
            "            freeze(m).eval()\n",
        ),
    ),
    _mutant(
        "T4-X57",
        "set_bn_eval",
        "not the module itself",
        "check_every_kind_of_batch_norm",
        None,
        ("module.modules()", "list(module.modules())[1:]"),
    ),
    _mutant(
        "T4-X58",
        "set_bn_eval",
        "other norms",
        "check_other_layers_keep_their_mode",
        "Other layers that normalise count as BatchNorm",
        (
            "nn.modules.batchnorm._BatchNorm)",
            "(nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm, nn.GroupNorm, nn.LayerNorm))",
        ),
    ),
    _mutant(
        "T4-X59",
        "set_bn_eval",
        "statistics are reset",
        "check_modes_change_and_nothing_else",
        None,
        ("m.eval()", "m.eval()\n                m.reset_running_stats()"),
    ),
    # build_feature_extractor
    _mutant(
        "T4-X60",
        "build_feature_extractor",
        "train does nothing",
        "check_modes_after_train",
        "`train()` no longer does anything, for the head either",
        ("    nn.Module.train(self, mode)\n    set_bn_eval(self)\n", ""),
        ("    model.train = ", "    model.eval()\n    model.train = "),
    ),
    _mutant(
        "T4-X61",
        "build_feature_extractor",
        "only after the next train",
        "check_modes_right_away",
        "BatchNorm is in eval mode only after the next `train()`",
        (_CALL + "    return model", "    return model"),
    ),
    _mutant(
        "T4-X62",
        "build_feature_extractor",
        "train returns nothing, eval neither",
        "check_modes_after_train",
        None,
        ("    return self\n", ""),
        ("    set_bn_eval(self)\n", "    set_bn_eval(self)\n    self.eval()\n"),
    ),
    _mutant(
        "T4-X63",
        "build_feature_extractor",
        "train is bound to the first network",
        "check_copies_and_thawed_stages",
        None,
        ("types.MethodType(train_with_frozen_norms, model)", "lambda mode=True: train_with_frozen_norms(model, mode)"),
    ),
    _mutant(
        "T4-X64",
        "build_feature_extractor",
        "BatchNorm is remembered, not asked",
        "check_copies_and_thawed_stages",
        None,
        (
            "    set_bn_eval(self)\n",
            "    for m in self.modules():\n        if isinstance(m, nn.BatchNorm2d):\n            m.eval()\n",
        ),
    ),
    _mutant(
        "T4-X65",
        "build_feature_extractor",
        "a sequence comes back",
        _NAMES,
        None,
        ("    return model\n\n", "    return nn.Sequential(model)\n\n"),
    ),
    _mutant(
        "T4-X66",
        "build_feature_extractor",
        "frozen before the error",
        "check_extractor_without_head",
        None,
        (
            '    if not isinstance(getattr(model, "fc", None), nn.Linear) or num_classes < 1:\n'
            '        raise ValueError("head")\n',
            "",
        ),
    ),
    _mutant(
        "T4-X67",
        "build_feature_extractor",
        "no classes",
        "check_extractor_without_head",
        None,
        (" or num_classes < 1", " or num_classes < 0"),
    ),
    _mutant(
        "T4-X68",
        "build_feature_extractor",
        "gradients stay",
        "check_only_the_head_trains",
        None,
        ("    freeze(model)\n", "    model.requires_grad_(False)\n"),
    ),
    _mutant(
        "T4-X69",
        "build_feature_extractor",
        "only layers with weights of four dimensions",
        "check_only_the_head_trains",
        NORMS_LEFT,
        (
            "    freeze(model)\n",
            "    for p in model.parameters():\n        if p.dim() == 4:\n"
            "            p.requires_grad = False\n            p.grad = None\n",
        ),
    ),
    _mutant(
        "T4-X70",
        "build_feature_extractor",
        "BatchNorm is expected",
        "check_other_networks_and_a_second_time",
        None,
        (_CALL + "    return model", "    model.bn1.running_mean.sum()\n    set_bn_eval(model)\n    return model"),
    ),
    _mutant(
        "T4-X71",
        "build_feature_extractor",
        "train wraps what was there, without the mode",
        "check_modes_after_train",
        None,
        ("nn.Module.train(self, mode)", "nn.Module.train(self, True)"),
    ),
    _mutant(
        "T4-X72",
        "build_feature_extractor",
        "half of the head",
        "check_only_the_head_trains",
        None,
        (_TRAIN, "    model.fc.bias.requires_grad = False\n" + _TRAIN),
    ),
    _mutant(
        "T4-X73",
        "build_feature_extractor",
        "statistics are reset",
        _NAMES,
        None,
        (
            _TRAIN,
            "    for m in model.modules():\n        if isinstance(m, nn.BatchNorm2d):\n"
            "            m.reset_running_stats()\n" + _TRAIN,
        ),
    ),
    # freeze_stages
    _mutant(
        "T4-X74",
        "freeze_stages",
        "from the head",
        "check_the_stem_is_one_stage",
        "Stages are counted from the head, not from the image",
        ("stages[:k]", "stages[5 - k:]"),
    ),
    _mutant(
        "T4-X75",
        "freeze_stages",
        "only stage k",
        "check_stages_in_the_middle",
        "Only stage number k is frozen, not the ones before it",
        ("stages[:k]", "stages[max(k - 1, 0):k]"),
    ),
    _mutant(
        "T4-X76",
        "freeze_stages",
        "the others are unfrozen",
        "check_nothing_is_unfrozen",
        "The other stages are unfrozen",
        ("    for stage in stages[:k]", "    unfreeze(model)\n    for stage in stages[:k]"),
    ),
    _mutant(
        "T4-X77",
        "freeze_stages",
        "children",
        "check_stages_in_the_middle",
        "The first k children of the network are taken for its stages",
        (
            "    for stage in stages[:k]:\n        for name in stage:\n            freeze(getattr(model, name))\n",
            "    for child in list(model.children())[:k]:\n        freeze(child)\n",
        ),
    ),
    _mutant(
        "T4-X78",
        "freeze_stages",
        "gradients stay",
        "check_gradients_of_frozen_stages",
        "Old gradients stay, and an optimizer goes on moving the frozen parameters",
        ("freeze(getattr(model, name))", "getattr(model, name).requires_grad_(False)"),
    ),
    _mutant(
        "T4-X79",
        "freeze_stages",
        "eval mode",
        "check_modes_of_frozen_stages",
        "The mode is changed as well: freezing and `eval()` are two things",
        ("freeze(getattr(model, name))", "freeze(getattr(model, name)).eval()"),
    ),
    _mutant(
        "T4-X80",
        "freeze_stages",
        "no look at k",
        "check_stages_that_do_not_exist",
        None,
        ("k not in [0, 1, 2, 3, 4, 5]", "False"),
    ),
    _mutant(
        "T4-X81", "freeze_stages", "k = 6 is the head", "check_stages_that_do_not_exist", None, ("4, 5]", "4, 5, 6]")
    ),
    _mutant(
        "T4-X82",
        "freeze_stages",
        "negative k",
        "check_stages_that_do_not_exist",
        None,
        ("k not in [0, 1, 2, 3, 4, 5]", "k > 5"),
    ),
    _mutant(
        "T4-X83",
        "freeze_stages",
        "no look at the stages beyond k",
        "check_stages_that_do_not_exist",
        None,
        ("    for stage in stages:\n", "    for stage in stages[:int(k)]:\n"),
    ),
    _mutant(
        "T4-X84",
        "freeze_stages",
        "frozen before the error",
        "check_stages_that_do_not_exist",
        None,
        (
            "            if not hasattr(model, name):\n                raise ValueError(name)\n",
            "            if not hasattr(model, name):\n                raise ValueError(name)\n"
            "            if name == 'conv1':\n                freeze(model.conv1)\n",
        ),
        ("    for stage in stages[:k]:", "    for stage in stages[:int(k)]:"),
    ),
    _mutant(
        "T4-X85", "freeze_stages", "nothing comes back", "check_stages_in_the_middle", None, ("    return model\n", "")
    ),
    _mutant(
        "T4-X86", "freeze_stages", "layer4 is no stage", "check_no_stage_and_all_stages", None, (', ["layer4"]', "")
    ),
    _mutant(
        "T4-X87",
        "freeze_stages",
        "k = 5 freezes the head",
        "check_no_stage_and_all_stages",
        None,
        ("    return model", "    if k == 5:\n        freeze(model)\n    return model"),
    ),
    _mutant(
        "T4-X88",
        "freeze_stages",
        "k = 0 freezes the stem",
        "check_no_stage_and_all_stages",
        None,
        ("stages[:k]", "stages[:max(k, 1)]"),
    ),
    # parameter_groups
    _mutant(
        "T4-X89",
        "parameter_groups",
        "0 is missing",
        "check_rates_of_zero",
        "`head_lr=0` is taken for a missing rate",
        ("    if head_lr is None:\n        head_lr = lr\n", "    head_lr = head_lr or lr\n"),
    ),
    _mutant(
        "T4-X90",
        "parameter_groups",
        "one decay too many",
        "check_rate_of_each_stage",
        "One factor of `decay` too many",
        ("(4 - s)", "(5 - s)"),
    ),
    _mutant(
        "T4-X91",
        "parameter_groups",
        "one decay too few",
        "check_rate_of_each_stage",
        "One factor of `decay` is missing",
        ("(4 - s)", "max(3 - s, 0)"),
    ),
    _mutant(
        "T4-X92",
        "parameter_groups",
        "divided",
        "check_rate_of_each_stage",
        "The rate is divided by `decay`",
        ("lr * decay ** (4 - s)", "lr / max(decay, 1e-9) ** (4 - s)"),
    ),
    _mutant(
        "T4-X93",
        "parameter_groups",
        "multiplied",
        "check_rate_of_each_stage",
        "`decay` is multiplied by the distance, not raised",
        ("lr * decay ** (4 - s)", "(lr * decay * (4 - s) if s < 4 else lr)"),
    ),
    _mutant(
        "T4-X94",
        "parameter_groups",
        "no decay",
        "check_rate_of_each_stage",
        "`decay` has no effect",
        (" * decay ** (4 - s)", ""),
    ),
    _mutant(
        "T4-X95",
        "parameter_groups",
        "no rate of the head",
        "check_rate_of_the_head",
        "`head_lr` has no effect",
        ('"lr": head_lr', '"lr": lr'),
    ),
    _mutant(
        "T4-X96",
        "parameter_groups",
        "from the head's rate",
        "check_rate_of_the_head",
        "The stages count down from the head's rate",
        ("lr * decay ** (4 - s)", "head_lr * decay ** (5 - s)"),
    ),
    _mutant(
        "T4-X97",
        "parameter_groups",
        "frozen ones, too",
        "check_frozen_parameters_are_left_out",
        "Frozen parameters are in the groups",
        ("if p.requires_grad and p not in used:", "if p not in used:"),
        ("if p.requires_grad and p not in used]", "if p not in used]"),
    ),
    _mutant(
        "T4-X98",
        "parameter_groups",
        "empty groups",
        "check_frozen_parameters_are_left_out",
        "Groups without parameters are kept",
        ("        if params:\n", "        if True:\n"),
        ("    if head:\n", "    if True:\n"),
    ),
    _mutant(
        "T4-X99",
        "parameter_groups",
        "the head first",
        "check_every_parameter_once",
        "The head comes first",
        ("    return groups", "    return groups[::-1]"),
    ),
    _mutant(
        "T4-X100",
        "parameter_groups",
        "fc only",
        "check_what_lies_outside_of_the_stages",
        "What lies outside of the stages and `fc` is forgotten",
        ("in model.parameters() if", "in model.fc.parameters() if"),
    ),
    _mutant(
        "T4-X101",
        "parameter_groups",
        "shared ones twice",
        "check_what_lies_outside_of_the_stages",
        None,
        ("                    used.add(p)\n", ""),
        ("    head = ", "    used = {p for group in groups for p in group['params']}\n    head = "),
    ),
    _mutant("T4-X102", "parameter_groups", "negative rates", "check_rates_that_are_none", None, (" or rate < 0", "")),
    _mutant(
        "T4-X103",
        "parameter_groups",
        "infinite rates",
        "check_rates_that_are_none",
        None,
        ("not math.isfinite(rate)", "math.isnan(rate)"),
    ),
    _mutant(
        "T4-X104",
        "parameter_groups",
        "NaN",
        "check_rates_that_are_none",
        None,
        ("not math.isfinite(rate)", "math.isinf(rate)"),
    ),
    _mutant(
        "T4-X105",
        "parameter_groups",
        "no look at decay",
        "check_rates_that_are_none",
        None,
        ("(lr, decay, head_lr)", "(lr, head_lr)"),
    ),
    _mutant(
        "T4-X106",
        "parameter_groups",
        "a generator",
        "check_every_parameter_once",
        None,
        ("    return groups", "    return iter(groups)"),
    ),
    _mutant(
        "T4-X107",
        "parameter_groups",
        "a group for each parameter",
        "check_every_parameter_once",
        "There is a group for each parameter",
        ("    return groups", "    return [{'params': [p], 'lr': g['lr']} for g in groups for p in g['params']]"),
    ),
    _mutant(
        "T4-X108",
        "parameter_groups",
        "frozen ones are unfrozen",
        "check_frozen_parameters_are_left_out",
        None,
        ("    groups = []\n", "    groups = []\n    model.requires_grad_(True)\n"),
    ),
    _mutant(
        "T4-X109",
        "parameter_groups",
        "names instead of parameters",
        "check_an_optimizer_takes_the_groups",
        None,
        ("    return groups", "    return [{**g, 'params': [p.detach() for p in g['params']]} for g in groups]"),
    ),
    _mutant(
        "T4-X110",
        "parameter_groups",
        "rates of the stages that are left count from the last",
        "check_frozen_parameters_are_left_out",
        None,
        (
            "    return groups",
            "    for i, g in enumerate(groups[::-1][1:]):\n        g['lr'] = lr * decay ** i\n    return groups",
        ),
    ),
    # train_step
    _mutant(
        "T4-X111",
        "train_step",
        "no zero_grad",
        "check_gradients_do_not_add_up",
        "Gradients of the step before are added",
        ("    optimizer.zero_grad()\n", ""),
    ),
    _mutant(
        "T4-X112",
        "train_step",
        "eval mode",
        "check_step_in_train_mode",
        "The network is in eval mode during the step",
        ("    model.train()\n    set_bn_eval(model)\n", "    model.eval()\n"),
    ),
    _mutant(
        "T4-X113",
        "train_step",
        "no train",
        "check_step_in_train_mode",
        "The mode is left as it was found",
        ("    model.train()\n", ""),
    ),
    _mutant(
        "T4-X114",
        "train_step",
        "sum",
        "check_loss_before_the_step",
        "The losses are summed, not averaged",
        ("F.cross_entropy(logits, y)", 'F.cross_entropy(logits, y, reduction="sum")'),
    ),
    _mutant(
        "T4-X115",
        "train_step",
        "softmax twice",
        "check_loss_before_the_step",
        "Softmax is applied before a loss that applies it again",
        ("F.cross_entropy(logits, y)", "F.cross_entropy(logits.softmax(1), y)"),
    ),
    _mutant(
        "T4-X116",
        "train_step",
        "nll_loss of logits",
        "check_loss_before_the_step",
        "The log-softmax is missing",
        ("F.cross_entropy(logits, y)", "F.nll_loss(logits, y)"),
    ),
    _mutant(
        "T4-X117",
        "train_step",
        "step before backward",
        "check_one_step_of_the_optimizer",
        NO_STEP,
        ("    loss.backward()\n    optimizer.step()\n", "    optimizer.step()\n    loss.backward()\n"),
    ),
    _mutant(
        "T4-X118",
        "train_step",
        "zero_grad after backward",
        "check_one_step_of_the_optimizer",
        LOST_GRADIENT,
        ("    optimizer.zero_grad()\n", ""),
        ("    loss.backward()\n", "    loss.backward()\n    optimizer.zero_grad()\n"),
    ),
    _mutant(
        "T4-X119",
        "train_step",
        "no step",
        "check_one_step_of_the_optimizer",
        NO_STEP,
        ("    optimizer.step()\n", ""),
    ),
    _mutant(
        "T4-X120",
        "train_step",
        "the loss after",
        "check_loss_before_the_step",
        "The loss is that after the step",
        ("    return loss.item()", "    return F.cross_entropy(model(x), y).item()"),
    ),
    _mutant("T4-X121", "train_step", "a tensor", "check_loss_is_a_float", None, ("loss.item()", "loss")),
    _mutant(
        "T4-X122",
        "train_step",
        "all BatchNorm in eval mode",
        "check_step_in_train_mode",
        "BatchNorm is in eval mode, frozen or not",
        (
            "    set_bn_eval(model)\n",
            "    for m in model.modules():\n        if isinstance(m, nn.BatchNorm2d):\n            m.eval()\n",
        ),
    ),
    _mutant(
        "T4-X123",
        "train_step",
        "empty batches",
        "check_batches_that_are_none",
        None,
        ('    if len(x) == 0:\n        raise ValueError("no images")\n', "    if len(x) == 0:\n        return 0.0\n"),
    ),
    _mutant(
        "T4-X124",
        "train_step",
        "labels out of range",
        "check_batches_that_are_none",
        None,
        ("y.min() < 0 or y.max() >= logits.shape[1]", "False"),
        ("F.cross_entropy(logits, y)", "F.cross_entropy(logits, y % logits.shape[1])"),
    ),
    _mutant(
        "T4-X125", "train_step", "float labels", "check_batches_that_are_none", None, (" or y.is_floating_point()", "")
    ),
    _mutant(
        "T4-X126",
        "train_step",
        "labels in a column",
        "check_batches_that_are_none",
        None,
        ("y.shape != (len(x),) or ", ""),
        ("    y = y.long()\n", "    y = y.long().flatten()[:len(x)]\n"),
    ),
    _mutant(
        "T4-X127",
        "train_step",
        "nothing to train",
        "check_batches_that_are_none",
        None,
        (
            "    if not any(p.requires_grad for p in model.parameters()):\n"
            '        raise ValueError("nothing to train")\n',
            "",
        ),
        ("    loss.backward()\n", "    if loss.requires_grad:\n        loss.backward()\n"),
    ),
    _mutant(
        "T4-X128",
        "train_step",
        "int64 only",
        "check_batches_of_every_kind",
        None,
        ("y.is_floating_point()", "y.dtype != torch.int64"),
    ),
    _mutant(
        "T4-X129",
        "train_step",
        "images are scaled in place",
        "check_batches_of_every_kind",
        None,
        ("    logits = model(x)\n", "    x.mul_(2)\n    logits = model(x)\n    x.div_(3)\n"),
    ),
    _mutant(
        "T4-X130",
        "train_step",
        "one image is refused",
        "check_batches_of_every_kind",
        None,
        ("len(x) == 0", "len(x) < 2"),
    ),
    _mutant(
        "T4-X131",
        "train_step",
        "the images are flattened with view",
        "check_batches_of_every_kind",
        None,
        ("    logits = model(x)\n", "    x = x.view(len(x), -1).view(x.shape)\n    logits = model(x)\n"),
    ),
    _mutant("T4-X132", "train_step", "float32", "check_loss_before_the_step", None, ("model(x)", "model(x.float())")),
    _mutant(
        "T4-X133",
        "train_step",
        "gradients of zero",
        "check_frozen_parameters_stand_still",
        None,
        (
            "    optimizer.step()\n",
            "    for p in model.parameters():\n        if p.grad is None:\n"
            "            p.grad = torch.zeros_like(p)\n    optimizer.step()\n",
        ),
    ),
    _mutant(
        "T4-X134",
        "train_step",
        "frozen parameters are unfrozen",
        "check_frozen_norms_in_a_step",
        None,
        ("    model.train()\n", "    unfreeze(model)\n    model.train()\n"),
    ),
    _mutant(
        "T4-X135",
        "train_step",
        "eval mode afterwards",
        "check_step_in_train_mode",
        None,
        ("    return loss", "    model.eval()\n    return loss"),
    ),
    # transfer_learn
    _mutant(
        "T4-X136",
        "transfer_learn",
        "any mode is fine-tuning",
        "check_modes_that_do_not_exist",
        None,
        ('mode not in ("extractor", "fine_tune")', "False"),
    ),
    _mutant(
        "T4-X137",
        "transfer_learn",
        "the head is replaced before the error",
        "check_modes_that_do_not_exist",
        None,
        (
            "    if mode not in",
            '    if mode == "frozen":\n        replace_head(model, num_classes)\n    if mode not in',
        ),
    ),
    _mutant(
        "T4-X138",
        "transfer_learn",
        "train mode",
        "check_network_that_comes_back",
        None,
        ("    model.eval()\n", "    model.train()\n"),
    ),
    _mutant(
        "T4-X139",
        "transfer_learn",
        "the random state is lost",
        "check_training_leaves_no_trace",
        None,
        ("    torch.set_rng_state(state)\n", ""),
    ),
    _mutant(
        "T4-X140",
        "transfer_learn",
        "no seed",
        "check_same_seed_same_network",
        None,
        ("    torch.manual_seed(seed)\n", "    torch.seed()\n"),
    ),
    _mutant(
        "T4-X141",
        "transfer_learn",
        "always seed 0",
        "check_same_seed_same_network",
        None,
        ("manual_seed(seed)", "manual_seed(0)"),
    ),
    _mutant(
        "T4-X142",
        "transfer_learn",
        "the head is not seeded",
        "check_same_seed_same_network",
        None,
        ("    torch.manual_seed(seed)\n", "    torch.seed()\n"),
        ("    for epoch", "    torch.manual_seed(seed)\n    for epoch"),
    ),
    _mutant(
        "T4-X143",
        "transfer_learn",
        "images are scaled in place",
        "check_training_leaves_no_trace",
        None,
        ("    torch.manual_seed(seed)\n", "    torch.manual_seed(seed)\n    images -= images.mean()\n"),
    ),
    _mutant(
        "T4-X144",
        "transfer_learn",
        "one step",
        "check_accuracy_of_the_extractor",
        None,
        ("range(epochs)", "range(1)"),
        ("range(0, len(images), 32)", "range(0, 32, 32)"),
    ),
    _mutant(
        "T4-X145",
        "transfer_learn",
        "a rate that is far too small",
        "check_accuracy_of_fine_tuning",
        None,
        ("torch.optim.Adam(", "torch.optim.SGD("),
        ("lr=lr)\n", "lr=lr / 1e6)\n"),
    ),
    _mutant(
        "T4-X146",
        "transfer_learn",
        "fine-tuning is an extractor",
        "check_fine_tuning_trains_everything",
        "The body stays frozen in fine-tuning",
        (_MODES, "    build_feature_extractor(model, num_classes)\n"),
    ),
    _mutant(
        "T4-X147",
        "transfer_learn",
        "an extractor is fine-tuned",
        "check_extractor_is_as_it_was",
        NOT_FROZEN,
        (_MODES, "    unfreeze(model)\n    replace_head(model, num_classes)\n"),
    ),
    _mutant(
        "T4-X148",
        "transfer_learn",
        "the head of old",
        "check_network_that_comes_back",
        None,
        ("        unfreeze(model)\n        replace_head(model, num_classes)\n", "        unfreeze(model)\n"),
    ),
    _mutant(
        "T4-X149",
        "transfer_learn",
        "all is unfrozen in the end",
        "check_extractor_is_as_it_was",
        RATE_ZERO_BODY,
        ("    model.eval()\n", "    unfreeze(model)\n    model.eval()\n"),
    ),
    _mutant(
        "T4-X150",
        "transfer_learn",
        "the state dict comes back",
        "check_network_that_comes_back",
        None,
        ("    return model", "    return model.state_dict()"),
    ),
    _mutant(
        "T4-X151",
        "transfer_learn",
        "labels out of order",
        "check_accuracy_of_fine_tuning",
        None,
        ("labels[rows]", "labels[i:i + 32]"),
    ),
)
"""Mistakes of our own devising."""


def _misplaced(id: str, exercise: str, mistake: str, culprit: str, *edits: tuple[str, str]) -> tuple[Mutant, str]:
    """Return a mutant whose results are right, and not where they should be, and its line."""
    check = f"check_placement_of_{exercise}"
    reason = "no value is wrong; the line is named"
    return Mutant(id, exercise, mistake, _edit(BASES[exercise], *edits), check, None, reason), culprit


_GLOBAL_DEVICE = 'device = "cuda" if torch.cuda.is_available() else "cpu"\n\n\n'

MISPLACED = (
    _misplaced(
        "T4-X170a",
        "trainable_parameters",
        "numpy, straight from the device",
        "total += p.detach().numpy().size",
        ("total += p.numel()", "total += p.detach().numpy().size"),
    ),
    _misplaced(
        "T4-X171a",
        "trainable_parameters",
        "a mask without a device",
        "total += int((torch.ones(p.shape) * (p == p)).sum())",
        ("total += p.numel()", "total += int((torch.ones(p.shape) * (p == p)).sum())"),
    ),
    _misplaced(
        "T4-X171b",
        "replace_head",
        "nn.Linear without a device",
        "new = nn.Linear(old.in_features, num_classes, dtype=old.weight.dtype)",
        ("device=old.weight.device, ", ""),
    ),
    _misplaced(
        "T4-X172a",
        "replace_head",
        "a device for the whole notebook",
        "new = nn.Linear(old.in_features, num_classes, device=device, dtype=old.weight.dtype)",
        ("def replace_head", _GLOBAL_DEVICE + "def replace_head"),
        ("device=old.weight.device", "device=device"),
    ),
    _misplaced(
        "T4-X170b",
        "set_bn_eval",
        "numpy, straight from the device",
        "m.running_mean.numpy()",
        ("                m.eval()\n", "                m.eval()\n                m.running_mean.numpy()\n"),
    ),
    _misplaced(
        "T4-X171c",
        "set_bn_eval",
        "new buffers on the CPU",
        "m.running_mean = torch.tensor(m.running_mean.tolist(), dtype=m.running_mean.dtype)",
        (
            "                m.eval()\n",
            "                m.eval()\n"
            "                m.running_mean = torch.tensor(m.running_mean.tolist(), dtype=m.running_mean.dtype)\n",
        ),
    ),
    _misplaced(
        "T4-X171d",
        "build_feature_extractor",
        "nn.Linear without a device",
        "model.fc = nn.Linear(old.in_features, num_classes, dtype=old.weight.dtype).train(old.training)",
        (
            "    replace_head(model, num_classes)\n",
            "    old = model.fc\n"
            "    model.fc = nn.Linear(old.in_features, num_classes, dtype=old.weight.dtype).train(old.training)\n",
        ),
    ),
    _misplaced(
        "T4-X172b",
        "build_feature_extractor",
        "the network is moved to a device for the whole notebook",
        "model.to(device)",
        ("def build_feature_extractor", _GLOBAL_DEVICE + "def build_feature_extractor"),
        ("    freeze(model)\n", "    model.to(device)\n    freeze(model)\n"),
    ),
    _misplaced(
        "T4-X171e",
        "parameter_groups",
        "a mask without a device",
        "if p.requires_grad and p not in used and bool((p == torch.zeros(1)).any() or True):",
        (
            "if p.requires_grad and p not in used:",
            "if p.requires_grad and p not in used and bool((p == torch.zeros(1)).any() or True):",
        ),
    ),
    _misplaced(
        "T4-X170c",
        "parameter_groups",
        "numpy, straight from the device",
        "if p.requires_grad and p not in used and p.detach().numpy().size:",
        ("if p.requires_grad and p not in used:", "if p.requires_grad and p not in used and p.detach().numpy().size:"),
    ),
    _misplaced(
        "T4-X170d",
        "train_step",
        "numpy, straight from the device",
        "if y.numpy().min() < 0 or y.max() >= logits.shape[1]:",
        ("y.min() < 0", "y.numpy().min() < 0"),
    ),
    _misplaced(
        "T4-X171f",
        "train_step",
        "labels on the CPU",
        "y = torch.tensor(y.tolist(), dtype=torch.int64)",
        ("y = y.long()", "y = torch.tensor(y.tolist(), dtype=torch.int64)"),
    ),
    _misplaced(
        "T4-X172c",
        "train_step",
        "a device for the whole notebook",
        "logits = model(x.to(device))",
        ("def train_step", _GLOBAL_DEVICE + "def train_step"),
        ("model(x)", "model(x.to(device))"),
    ),
    _misplaced(
        "T4-X171g",
        "transfer_learn",
        "labels on the CPU",
        "labels = torch.tensor(labels.tolist())",
        ("    torch.manual_seed(seed)\n", "    torch.manual_seed(seed)\n    labels = torch.tensor(labels.tolist())\n"),
    ),
    _misplaced(
        "T4-X172d",
        "transfer_learn",
        "a device for the whole notebook",
        "images, labels = images.to(device), labels.to(device)",
        ("def transfer_learn", _GLOBAL_DEVICE + "def transfer_learn"),
        (
            "    torch.manual_seed(seed)\n",
            "    torch.manual_seed(seed)\n    images, labels = images.to(device), labels.to(device)\n",
        ),
    ),
)
"""Mistakes about devices, which cost the points of placement alone, and the line that the report must name."""

MUTANTS = (*BANK, *SLIPS, *(mutant for mutant, _ in MISPLACED))
