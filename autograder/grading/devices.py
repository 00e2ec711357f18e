"""The devices that checks run on. The operator asks here too, so this module does not import torch."""

from __future__ import annotations

CPU, SIMULATED, CUDA = "cpu", "simgpu", "cuda"
CHOICES: dict[str, tuple[str, ...]] = {
    "auto": (CPU, SIMULATED),
    "cpu": (CPU,),
    "simgpu": (CPU, SIMULATED),
    "cuda": (CPU, SIMULATED, CUDA),
}
ACCELERATORS = (SIMULATED, CUDA)
PLACEMENT_JUDGE = SIMULATED  # every machine has it: no points may depend on a GPU
SLOWDOWN = {SIMULATED: 4.0, CUDA: 4.0}  # 5 to 10 us more per operator; the first CUDA calls load libraries
NO_GPU = "there is no GPU on this machine, or this run was not asked to use it"
NOT_ASKED_FOR = "this run was limited to the CPU; use --device auto or simgpu"


def devices_of(choice: str, has_gpu: bool) -> tuple[str, ...]:
    """Return the devices that ``--device`` stands for, in the order in which checks run on them."""
    return (*CHOICES[choice], *((CUDA,) if choice == "auto" and has_gpu else ()))
