"""Every attack, by groups; and those that cannot be written for this architecture, with the reason."""

from autograder.selftest.attack import Attack, NotExpressible
from autograder.selftest.attacks import (
    channel,
    control_flow,
    network,
    packages,
    pages,
    resources,
    stealing,
    tampering,
    values,
)
from autograder.selftest.attacks.not_expressible import NOT_EXPRESSIBLE

_MODULES = (control_flow, stealing, tampering, values, channel, resources, network, packages, pages)
ATTACKS: tuple[Attack, ...] = tuple(attack for module in _MODULES for attack in module.ATTACKS)

__all__ = ["ATTACKS", "NOT_EXPRESSIBLE", "NotExpressible"]
