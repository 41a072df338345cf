"""Every method on DESI DR2, beside nested sampling with the exact likelihood, as a table.

Run ``python tests/benchmarks/desi_methods.py``; it takes some minutes.  Methods, budgets and
seed are those of the recipe ``desi_dr2``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

import sbiwb

MODELS = "lcdm", "wcdm", "w0wacdm"
REFERENCE = "exact+dynesty"
LEARN = {"budget": 30_000, "rounds": 3, "flow": "maf"}
METHODS = {
    REFERENCE: {},
    "exact+emcee": {},
    "npe": {"budget": 60_000, "rounds": 3},
    "nle+emcee": LEARN,
    "nle+dynesty": LEARN,
}
SEED = 1


def row(model, method, result, reference):
    """One line: each parameter's mean and width, in those of the reference, and the evidence."""
    mean, width = result.samples().mean(axis=0), result.samples().std(axis=0)
    middle, scale = reference.samples().mean(axis=0), reference.samples().std(axis=0)
    cells = [
        f"{name} {m:.4g} ± {w:.2g} ({(m - r) / s:+.2f} σ, × {w / s:.2f})"
        for name, m, w, r, s in zip(result.names, mean, width, middle, scale, strict=True)
    ]
    evidence = "—"
    if result.log_evidence is not None:
        evidence = f"{result.log_evidence:.2f} ± {result.log_evidence_err:.2f}"
    largest = np.abs((mean - middle) / scale).max()
    return f"| {model} | {method} | {'; '.join(cells)} | {largest:.2f} | {evidence} |"


def main():
    torch.set_num_threads(1)
    lines = [
        "Posteriors of DESI DR2 by every method: mean ± standard deviation, its distance from",
        f"`{REFERENCE}` in σ, and the ratio of widths.",
        "Made by `python tests/benchmarks/desi_methods.py`.",
        "",
        "| model | method | parameters | largest distance / σ | ln Z |",
        "|---|---|---|---|---|",
    ]
    for model in MODELS:
        problem = sbiwb.problem("cosmology.bao", model=model)
        reference = None
        for method, options in METHODS.items():
            result = sbiwb.infer(problem, method, seed=SEED, **options)
            reference = reference or result
            lines.append(row(model, method, result, reference))
            print(lines[-1], flush=True)
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
