"""Mutants of the solution of *residual* that nobody can tell from it."""

from tests.graders.proof import Survivor

PYTORCH_REFUSES = "PyTorch or Python refuses such an argument by itself, with an error of its own, which is accepted"
WORDS = "only the words of the error are others"
ALL_ALIKE = "all Jacobians of the list have the same size, dtype and device, or are refused later"
ONE_COLUMN = "there is one column, or one dimension: 0 and -1 are the same"

SURVIVORS = [
    Survivor("chain_rule", "if len(jacobians) == 0:", "if len(jacobians) == -1:", PYTORCH_REFUSES),
    Survivor(
        "chain_rule",
        'raise ValueError(f"chain_rule: expected {before.shape[0]} columns, got {jacobian.shape[1]}.")',
        'raise ValueError(f"chain_rule: expected {before.shape[ 1]} columns, got {jacobian.shape[1]}.")',
        WORDS,
    ),
    Survivor(
        "chain_rule",
        'raise ValueError(f"chain_rule: expected {before.shape[0]} columns, got {jacobian.shape[1]}.")',
        'raise ValueError(f"chain_rule: expected {before.shape[ -1]} columns, got {jacobian.shape[1]}.")',
        WORDS,
    ),
    Survivor(
        "chain_rule",
        'raise ValueError(f"chain_rule: expected {before.shape[0]} columns, got {jacobian.shape[1]}.")',
        'raise ValueError(f"chain_rule: expected {before.shape[0]} columns, got {jacobian.shape[ 2]}.")',
        WORDS,
    ),
    Survivor(
        "chain_rule",
        'raise ValueError(f"chain_rule: expected {before.shape[0]} columns, got {jacobian.shape[1]}.")',
        'raise ValueError(f"chain_rule: expected {before.shape[0]} columns, got {jacobian.shape[ 0]}.")',
        WORDS,
    ),
    Survivor(
        "residual_chain",
        "size = len(jacobians[0]) if jacobians[0].ndim > 0 else 0",
        "size = len(jacobians[0]) if jacobians[0].ndim >= 0 else 0",
        "the size of what is no matrix does not matter: it is refused in the loop",
    ),
    Survivor("residual_chain", "if len(jacobians) == 0:", "if len(jacobians) == -1:", PYTORCH_REFUSES),
    Survivor(
        "residual_chain",
        "size = len(jacobians[0]) if jacobians[0].ndim > 0 else 0",
        "size = len(jacobians[ -1]) if jacobians[0].ndim > 0 else 0",
        ALL_ALIKE,
    ),
    Survivor(
        "residual_chain",
        "size = len(jacobians[0]) if jacobians[0].ndim > 0 else 0",
        "size = len(jacobians[0]) if jacobians[ -1].ndim > 0 else 0",
        ALL_ALIKE,
    ),
    Survivor(
        "residual_chain",
        "size = len(jacobians[0]) if jacobians[0].ndim > 0 else 0",
        "size = len(jacobians[0]) if jacobians[0].ndim > 1 else 0",
        "the size of what is no matrix does not matter: it is refused in the loop",
    ),
    Survivor(
        "residual_chain",
        "size = len(jacobians[0]) if jacobians[0].ndim > 0 else 0",
        "size = len(jacobians[0]) if jacobians[0].ndim > -1 else 0",
        "the size of what is no matrix does not matter: it is refused in the loop",
    ),
    Survivor(
        "residual_chain",
        "size = len(jacobians[0]) if jacobians[0].ndim > 0 else 0",
        "size = len(jacobians[0]) if jacobians[0].ndim > 0 else 1",
        "the size of what is no matrix does not matter: it is refused in the loop",
    ),
    Survivor(
        "residual_chain",
        "size = len(jacobians[0]) if jacobians[0].ndim > 0 else 0",
        "size = len(jacobians[0]) if jacobians[0].ndim > 0 else -1",
        "the size of what is no matrix does not matter: it is refused in the loop",
    ),
    Survivor(
        "residual_chain",
        "eye = torch.eye(size, dtype=jacobians[0].dtype, device=jacobians[0].device)  # (d, d)",
        "eye = torch.eye(size, dtype=jacobians[ -1].dtype, device=jacobians[0].device)  # (d, d)",
        ALL_ALIKE,
    ),
    Survivor(
        "residual_chain",
        "eye = torch.eye(size, dtype=jacobians[0].dtype, device=jacobians[0].device)  # (d, d)",
        "eye = torch.eye(size, dtype=jacobians[0].dtype, device=jacobians[ -1].device)  # (d, d)",
        ALL_ALIKE,
    ),
    Survivor(
        "input_gradient",
        "y = model(leaf * 1)  # (N, 1); not the leaf itself, which must not be changed in place",
        "y = model(leaf / 1)  # (N, 1); not the leaf itself, which must not be changed in place",
        "a division by 1 makes the same copy",
    ),
    Survivor(
        "input_gradient", "return torch.zeros_like(leaf[:, 0])", "return torch.zeros_like(leaf[:, -1])", ONE_COLUMN
    ),
    Survivor(
        "input_gradient", "return slope[:, 0].detach()  # (N,)", "return slope[:, -1].detach()  # (N,)", ONE_COLUMN
    ),
    Survivor(
        "autocorrelation",
        "wide = wide / wide.detach().abs().max()  # small wiggles on a large mean",
        "wide = wide * wide.detach().abs().max()  # small wiggles on a large mean",
        "a common factor cancels in the quotient, and float64 has room for it",
    ),
    Survivor(
        "autocorrelation",
        "numerators = [wide[: n - k] @ wide[k:] if k < n else wide.sum() * 0 for k in range(max_lag + 1)]",
        "numerators = [wide[: n - k] @ wide[k:] if k <= n else wide.sum() * 0 for k in range(max_lag + 1)]",
        "the product of two empty slices is 0, like the other branch",
    ),
    Survivor(
        "autocorrelation", "if g.ndim != 1 or g.numel() == 0:", "if g.ndim != 1 and g.numel() == 0:", PYTORCH_REFUSES
    ),
    Survivor(
        "autocorrelation", "if g.ndim != 1 or g.numel() == 0:", "if g.ndim != 1 or g.numel() == -1:", PYTORCH_REFUSES
    ),
    Survivor("autocorrelation", "if max_lag < 0:", "if max_lag < -1:", PYTORCH_REFUSES),
    Survivor("autocorrelation", "n = g.shape[0]", "n = g.shape[ -1]", ONE_COLUMN),
]
