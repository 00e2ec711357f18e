"""Correct solutions of the topic *transfer* in other styles, each of which must earn all points.

What the stub's docstring leaves open is free: loops or ``requires_grad_``, a ``train`` that belongs to the object or to
a class made for it, any optimizer, features that are computed once, helpers of any name.
"""

from __future__ import annotations

from tests.graders.mutants_transfer import (
    BASES,
    BUILD_FEATURE_EXTRACTOR,
    FREEZE_STAGES,
    PARAMETER_GROUPS,
    REPLACE_HEAD,
    SET_BN_EVAL,
    STAGES,
    TRAIN_STEP,
    TRANSFER_LEARN,
)
from tests.graders.proof import Alternative


def _edit(source: str, *edits: tuple[str, str]) -> str:
    """Return ``source`` with each ``(old, new)`` replaced; ``old`` has to be there."""
    for old, new in edits:
        if old not in source:
            raise ValueError(f"nothing to replace: {old!r}")
        source = source.replace(old, new)
    return source


_OPTIMIZER = "torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr)"

ALTERNATIVES = (
    *(Alternative("plain", exercise, source) for exercise, source in BASES.items()),
    Alternative(
        "requires_grad_ of the module, gradients one by one",
        "freeze",
        "def freeze(module):\n"
        "    module.requires_grad_(False)\n"
        "    for parameter in module.parameters():\n"
        "        parameter.grad = None\n"
        "    return module\n",
    ),
    Alternative(
        "zero_grad(set_to_none=True)",
        "freeze",
        "def freeze(module):\n    module.zero_grad(set_to_none=True)\n    return module.requires_grad_(False)\n",
    ),
    Alternative(
        "module by module",
        "freeze",
        "def freeze(module):\n"
        "    for m in module.modules():\n"
        "        for p in m.parameters(recurse=False):\n"
        "            p.requires_grad_(False)\n"
        "            p.grad = None\n"
        "    return module\n",
    ),
    Alternative(
        "recursion over the children",
        "freeze",
        "def freeze(module):\n"
        "    for child in module.children():\n"
        "        freeze(child)\n"
        "    for p in module._parameters.values():\n"
        "        if p is not None:\n"
        "            p.requires_grad, p.grad = False, None\n"
        "    return module\n",
    ),
    Alternative("one line", "unfreeze", "def unfreeze(module):\n    return module.requires_grad_()\n"),
    Alternative(
        "apply",
        "unfreeze",
        "def unfreeze(module):\n"
        "    return module.apply(lambda m: [p.requires_grad_(True) for p in m.parameters(recurse=False)])\n",
    ),
    Alternative(
        "sizes multiplied",
        "trainable_parameters",
        "def trainable_parameters(model):\n"
        "    return sum(math.prod(p.shape) for p in model.parameters() if p.requires_grad)\n",
    ),
    Alternative(
        "a set of those seen",
        "trainable_parameters",
        "def trainable_parameters(model):\n"
        "    seen, count = set(), 0\n"
        "    for module in model.modules():\n"
        "        for p in module.parameters(recurse=False):\n"
        "            if p.requires_grad and id(p) not in seen:\n"
        "                seen.add(id(p))\n"
        "                count += p.nelement()\n"
        "    return count\n",
    ),
    Alternative(
        "to the old weights, setattr",
        "replace_head",
        "def replace_head(model, num_classes):\n"
        '    fc = getattr(model, "fc", None)\n'
        "    if not isinstance(fc, nn.Linear):\n"
        '        raise ValueError("head")\n'
        "    if int(num_classes) < 1:\n"
        '        raise ValueError("classes")\n'
        "    head = nn.Linear(fc.weight.shape[1], num_classes).to(fc.weight.device, fc.weight.dtype)\n"
        "    head.training = fc.training\n"
        '    setattr(model, "fc", head)\n'
        "    return model\n",
    ),
    Alternative(
        "initialised again by hand",
        "replace_head",
        _edit(
            REPLACE_HEAD, ("    new.train(old.training)\n", "    new.train(old.training)\n    new.reset_parameters()\n")
        ),
    ),
    Alternative(
        "with torch.device",
        "replace_head",
        _edit(
            REPLACE_HEAD,
            (
                "    new = nn.Linear(old.in_features, num_classes, device=old.weight.device, dtype=old.weight.dtype)\n",
                "    with torch.device(old.weight.device):\n"
                "        new = nn.Linear(old.in_features, num_classes, bias=True, dtype=old.weight.dtype)\n",
            ),
        ),
    ),
    Alternative(
        "three classes of BatchNorm",
        "set_bn_eval",
        _edit(SET_BN_EVAL, ("nn.modules.batchnorm._BatchNorm", "(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)")),
    ),
    Alternative(
        "apply, and the flag itself",
        "set_bn_eval",
        "def set_bn_eval(module):\n"
        "    def visit(m):\n"
        "        if isinstance(m, torch.nn.modules.batchnorm._BatchNorm):\n"
        "            flags = [p.requires_grad for p in m.parameters()]\n"
        "            if True not in flags:\n"
        "                m.training = False\n"
        "    module.apply(visit)\n",
    ),
    Alternative(
        "weight and bias by name, train(False)",
        "set_bn_eval",
        _edit(
            SET_BN_EVAL,
            (
                "if all(not p.requires_grad for p in m.parameters())",
                "if not (m.weight is not None and (m.weight.requires_grad or m.bias.requires_grad))",
            ),
            ("m.eval()", "m.train(False)"),
        ),
    ),
    Alternative(
        "functools.partial",
        "build_feature_extractor",
        "import functools\n\n\n"
        + _edit(
            BUILD_FEATURE_EXTRACTOR,
            ("types.MethodType(train_with_frozen_norms, model)", "functools.partial(train_with_frozen_norms, model)"),
            ("    nn.Module.train(self, mode)\n", "    type(self).train(self, mode)\n"),
        ),
    ),
    Alternative(
        "a class made for it",
        "build_feature_extractor",
        "def build_feature_extractor(model, num_classes):\n"
        '    if not isinstance(getattr(model, "fc", None), nn.Linear) or num_classes < 1:\n'
        '        raise ValueError("head")\n'
        "    replace_head(freeze(model), num_classes)\n"
        "    cls = model.__class__\n\n"
        "    class Extractor(cls):\n"
        "        def train(self, mode=True):\n"
        "            super().train(mode)\n"
        "            set_bn_eval(self)\n"
        "            return self\n\n"
        "    Extractor.__name__ = cls.__name__\n"
        "    model.__class__ = Extractor\n"
        "    set_bn_eval(model)\n"
        "    return model\n",
    ),
    Alternative(
        "replaced first, all but the head frozen",
        "build_feature_extractor",
        _edit(
            BUILD_FEATURE_EXTRACTOR,
            (
                "    freeze(model)\n    replace_head(model, num_classes)\n",
                "    replace_head(model, num_classes)\n"
                "    for name, p in model.named_parameters():\n"
                '        if not name.startswith("fc."):\n'
                "            p.requires_grad = False\n"
                "            p.grad = None\n",
            ),
        ),
    ),
    Alternative(
        "the frozen layers asked one by one",
        "build_feature_extractor",
        _edit(
            BUILD_FEATURE_EXTRACTOR,
            (
                "    nn.Module.train(self, mode)\n    set_bn_eval(self)\n",
                "    nn.Module.train(self, mode)\n"
                "    for m in self.modules():\n"
                "        if isinstance(m, nn.modules.batchnorm._BatchNorm):\n"
                "            m.training = mode and any(p.requires_grad for p in m.parameters())\n",
            ),
        ),
    ),
    Alternative(
        "one list of names, counted",
        "freeze_stages",
        "def freeze_stages(model, k):\n"
        '    names = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]\n'
        "    if not all(hasattr(model, n) for n in names):\n"
        '        raise ValueError("no ResNet")\n'
        "    if k != int(k) or not 0 <= k <= 5:\n"
        '        raise ValueError("k")\n'
        "    for n in names[: 0 if k == 0 else int(k) + 1]:\n"
        "        freeze(getattr(model, n))\n"
        "    return model\n" + STAGES,
    ),
    Alternative(
        "by the names of the parameters",
        "freeze_stages",
        "def freeze_stages(model, k):\n"
        '    stages = ("conv1.", "bn1."), ("layer1.",), ("layer2.",), ("layer3.",), ("layer4.",)\n'
        "    if isinstance(k, float) or k < 0 or k > 5:\n"
        '        raise ValueError("k")\n'
        "    for stage in stages:\n"
        "        for name in stage:\n"
        "            if not hasattr(model, name[:-1]):\n"
        '                raise ValueError("stage")\n'
        "    starts = tuple(name for stage in stages[:k] for name in stage)\n"
        "    for name, p in model.named_parameters():\n"
        "        if starts and name.startswith(starts):\n"
        "            p.requires_grad = False\n"
        "            p.grad = None\n"
        "    return model\n" + STAGES,
    ),
    Alternative(
        "operator.index",
        "freeze_stages",
        "import operator\n\n\n"
        + _edit(
            FREEZE_STAGES,
            (
                "    if k not in [0, 1, 2, 3, 4, 5]:\n",
                "    try:\n        k = operator.index(k)\n    except TypeError:\n"
                '        raise ValueError("whole number") from None\n    if not 0 <= k <= 5:\n',
            ),
        ),
    ),
    Alternative(
        "by identity, tuples for the groups",
        "parameter_groups",
        _edit(
            PARAMETER_GROUPS,
            ("p not in used:", "id(p) not in used:"),
            ("used.add(p)", "used.add(id(p))"),
            ("p not in used]", "id(p) not in used]"),
            ("    return groups", "    return list(groups)"),
        ),
    ),
    Alternative(
        "rates multiplied from layer4 back",
        "parameter_groups",
        "def parameter_groups(model, lr, decay=1.0, head_lr=None):\n"
        "    head_lr = lr if head_lr is None else head_lr\n"
        "    if any(r < 0 or r != r or r == math.inf for r in (lr, decay, head_lr)):\n"
        '        raise ValueError("rates")\n'
        "    try:\n"
        "        stages = [[model.conv1, model.bn1], [model.layer1], [model.layer2], [model.layer3], [model.layer4]]\n"
        "    except AttributeError as error:\n"
        '        raise ValueError("no ResNet") from error\n'
        "    rates, rate = [], float(lr)\n"
        "    for _ in stages:\n"
        "        rates.insert(0, rate)\n"
        "        rate = rate * decay\n"
        "    groups, done = [], set()\n"
        "    for stage, rate in zip(stages + [[model]], rates + [head_lr]):\n"
        "        mine = [p for m in stage for p in m.parameters() if p.requires_grad and p not in done]\n"
        "        done.update(mine)\n"
        "        if len(mine) > 0:\n"
        "            groups.append(dict(params=mine, lr=rate))\n"
        "    return groups\n",
    ),
    Alternative(
        "math.pow",
        "parameter_groups",
        _edit(PARAMETER_GROUPS, ('"lr": lr * decay ** (4 - s)', '"lr": float(lr * math.pow(decay, 4 - s))')),
    ),
    Alternative(
        "log-softmax and gather",
        "train_step",
        _edit(
            TRAIN_STEP,
            ("F.cross_entropy(logits, y)", "-logits.log_softmax(1).gather(1, y[:, None]).mean()"),
            ("loss.item()", "float(loss)"),
        ),
    ),
    Alternative(
        "nn.CrossEntropyLoss, zero_grad after the forward pass",
        "train_step",
        _edit(
            TRAIN_STEP,
            ("    optimizer.zero_grad()\n", ""),
            (
                "    loss = F.cross_entropy(logits, y)\n",
                "    loss = nn.CrossEntropyLoss()(logits, y)\n    optimizer.zero_grad(set_to_none=True)\n",
            ),
            ("loss.item()", "float(loss.detach())"),
        ),
    ),
    Alternative(
        "gradients of the model removed as well",
        "train_step",
        _edit(TRAIN_STEP, ("    optimizer.zero_grad()\n", "    model.zero_grad()\n    optimizer.zero_grad()\n")),
    ),
    Alternative(
        "sum divided by the number",
        "train_step",
        _edit(TRAIN_STEP, ("F.cross_entropy(logits, y)", 'F.cross_entropy(logits, y, reduction="sum") / len(x)')),
    ),
    Alternative(
        "SGD with momentum",
        "transfer_learn",
        _edit(TRANSFER_LEARN, (_OPTIMIZER, "torch.optim.SGD(parameter_groups(model, 2 * lr), momentum=0.9)")),
    ),
    Alternative(
        "AdamW over all parameters, smaller batches",
        "transfer_learn",
        _edit(TRANSFER_LEARN, (_OPTIMIZER, "torch.optim.AdamW(model.parameters(), lr=lr)"), ("32", "20")),
    ),
    Alternative(
        "slower at the beginning of the network",
        "transfer_learn",
        _edit(TRANSFER_LEARN, (_OPTIMIZER, "torch.optim.Adam(parameter_groups(model, lr, decay=0.5, head_lr=lr))")),
    ),
    Alternative(
        "fork_rng and a generator for the order",
        "transfer_learn",
        _edit(
            TRANSFER_LEARN,
            ("    state = torch.get_rng_state()\n    torch.manual_seed(seed)\n    if mode", "    if mode"),
            (
                "        build_feature_extractor(model, num_classes)\n",
                "        with torch.random.fork_rng():\n            torch.manual_seed(seed)\n"
                "            build_feature_extractor(model, num_classes)\n",
            ),
            (
                "        replace_head(model, num_classes)\n    opt",
                "        with torch.random.fork_rng():\n            torch.manual_seed(seed)\n"
                "            replace_head(model, num_classes)\n"
                "    generator = torch.Generator().manual_seed(seed)\n    opt",
            ),
            ("torch.randperm(len(images))", "torch.randperm(len(images), generator=generator)"),
            ("    torch.set_rng_state(state)\n", ""),
        ),
    ),
    Alternative(
        "a cosine schedule",
        "transfer_learn",
        _edit(
            TRANSFER_LEARN,
            (
                "    for epoch in range(epochs):\n",
                "    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)\n"
                "    for epoch in range(epochs):\n",
            ),
            ("    torch.set_rng_state(state)\n", "        schedule.step()\n    torch.set_rng_state(state)\n"),
        ),
    ),
    Alternative(
        "features computed once, a head of its own trained on them",
        "transfer_learn",
        _edit(
            TRANSFER_LEARN,
            (
                "    for epoch in range(epochs):\n",
                '    if mode == "extractor":\n'
                "        head, features = model.fc, []\n"
                "        model.eval()\n"
                "        hook = head.register_forward_pre_hook(lambda m, inputs: features.append(inputs[0].detach()))\n"
                "        with torch.no_grad():\n"
                "            model(images)\n"
                "        hook.remove()\n"
                "        images, learner = features[0], head\n"
                "    else:\n"
                "        learner = model\n"
                "    for epoch in range(epochs):\n",
            ),
            ("train_step(model, optimizer", "train_step(learner, optimizer"),
        ),
    ),
)
