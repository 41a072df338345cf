"""Which check catches which planted fault, and how often a right posterior is rejected.

Run ``python tests/benchmarks/planted_faults.py``: 40 minutes on one core, most of them for 50
dimensions.  Counts are kept in ``planted_faults.csv``, from which it goes on, and the table beside
it is written from that file; ``--dimensions`` without a number writes the table alone.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "statistical"))

import numpy as np
import torch
from gaussian_faults import FAULTS, calibration
from sbi.diagnostics import check_tarp, run_tarp

import sbiwb
from sbiwb.diagnostics._family import corrected

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package's own syntax warnings
    import tarp

SIMULATIONS, DRAWS = 500, 100
LEVEL = 0.05
BLOCK = 50
KOLMOGOROV = 1.358 / np.sqrt(SIMULATIONS)
"""Distance of a curve from the diagonal that chance exceeds in 5 %: the package has no test."""
COLUMNS = {
    "suite": "all checks together",
    "suite, draws and x": "together, without densities",
    "tarp": "`tarp`",
    "sbc": "`sbc`",
    "sbc, draws": "`sbc` without likelihood",
    "expected_coverage": "`expected_coverage`",
    "expected_coverage, draws": "`expected_coverage` without density",
    "correlations": "`correlations`",
    "lc2st": "`lc2st`",
    "sbi": "`sbi`'s `run_tarp`, `check_tarp`",
    "package": "package `tarp`",
}
CSV = Path(__file__).with_suffix(".csv")


class Drawn:
    """Draws that are there already, as a posterior of sbi."""

    def __init__(self, samples):
        self.samples = torch.as_tensor(samples, dtype=torch.float32)

    def sample_batched(self, *_, **__):
        return self.samples


def rejected(fault, d, seed):
    """Whether each of the columns rejects one calibration set at 5 %."""
    rng = np.random.default_rng([seed, d, FAULTS.index(fault)])
    c = calibration(fault, d, SIMULATIONS + 1, DRAWS, rng)
    # The first simulation stands for the observation.
    theta, x, samples = c.theta[1:], c.x[1:], c.samples[:, 1:]
    known = {name: values[..., 1:] for name, values in c.densities.items()}
    likelihood = {name: v for name, v in known.items() if name.startswith("log_likelihood")}
    density = {name: v for name, v in known.items() if name.startswith("log_prob")}
    every = {
        "tarp": [sbiwb.tarp(theta, samples, x, seed=seed)],
        "sbc": sbiwb.sbc(theta, samples, seed=seed, **likelihood),
        "sbc, draws": sbiwb.sbc(theta, samples, seed=seed),
        "expected_coverage": [sbiwb.expected_coverage(theta, samples, seed=seed, **density)],
        "expected_coverage, draws": [sbiwb.expected_coverage(theta, samples, seed=seed)],
        "correlations": [sbiwb.correlations(theta, samples, seed=seed)],
        "lc2st": [sbiwb.lc2st(theta, samples, c.samples[:, 0], x, c.x[0], seed=seed)],
    }
    found = {name: min(v.p_value for v in verdicts) < LEVEL for name, verdicts in every.items()}
    with_all = [v for name, vs in every.items() if not name.endswith("draws") for v in vs]
    alone = {"sbc", "expected_coverage"}
    with_draws = [v for name, vs in every.items() if name not in alone for v in vs]
    for name, verdicts in (("suite", with_all), ("suite, draws and x", with_draws)):
        found[name] = any(v.outcome in ("warn", "fail") for v in corrected(verdicts))
    return found | {"sbi": by_sbi(theta, x, samples, seed), "package": by_package(theta, samples)}


def by_sbi(theta, x, samples, seed):
    torch.manual_seed(seed)
    ecp, alpha = run_tarp(
        torch.as_tensor(theta, dtype=torch.float32),
        torch.as_tensor(x, dtype=torch.float32),
        Drawn(samples),
        num_posterior_samples=len(samples),
        show_progress_bar=False,
    )
    return check_tarp(ecp, alpha)[1] < LEVEL


def by_package(theta, samples):
    ecp, alpha = tarp.get_tarp_coverage(samples, theta, norm=True, seed=1)
    return np.max(np.abs(ecp - alpha)) > KOLMOGOROV


def measure(dimensions, repeats, exact):
    """Go on from the repeats that are stored, and store every block."""
    rows = read()
    for d in dimensions:
        for fault in FAULTS:
            row = rows.setdefault((d, fault), {"d": d, "fault": fault, "repeats": 0})
            wanted, done = exact if fault == "exact" else repeats, int(row["repeats"])
            for start in range(done, wanted, BLOCK):
                stop = min(wanted, start + BLOCK)
                found = [rejected(fault, d, seed) for seed in range(start, stop)]
                for name in COLUMNS:
                    row[name] = int(row.get(name, 0)) + sum(bool(f[name]) for f in found)
                row["repeats"] = stop
                write(rows)
                print(*row.values(), flush=True)


def read():
    if not CSV.exists():
        return {}
    with CSV.open(encoding="utf-8", newline="") as file:
        return {(int(row["d"]), row["fault"]): row for row in csv.DictReader(file)}


def write(rows):
    measured = {key: row for key, row in rows.items() if int(row["repeats"])}
    order = sorted(measured, key=lambda key: (key[0], FAULTS.index(key[1])))
    with CSV.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["d", "fault", "repeats", *COLUMNS], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[key] for key in order)


def table():
    """The page, from the file of counts."""
    rows = read()
    lines = [
        "<!-- Made by python tests/benchmarks/planted_faults.py -->",
        "# Planted faults: which check catches which",
        "",
        "A Gaussian model in d dimensions: θ ~ N(0, I), and a posterior whose parameters are",
        "correlated by 0.8 in pairs, with standard deviations of √0.2 of the prior's. Calibration",
        f"sets have N = {SIMULATIONS} simulations of {DRAWS} draws. Numbers are the percentage of",
        "repeats in which a check rejects at 5 %: of the exact posterior that is the rate of false",
        "alarms. A mode is swapped by a change of sign of the first parameter's mean.",
        "",
        "*All checks together* are those of `sbiwb.check_draws`, Holm-corrected, with the log",
        "density of the posterior that is tested, the log-likelihood, and draws at an observation;",
        "*without densities* they have only draws and x.",
        "",
        "`sbi` and the package `tarp` got the same draws and made their own random references.",
        "`check_tarp` tests the values of the curve for uniformity; the package gives a curve and",
        "no test: its distance from the diagonal is compared with Kolmogorov's 5 %",
        f"({KOLMOGOROV:.3f}).",
    ]
    for d in sorted({d for d, _ in rows}):
        faults = [fault for fault in FAULTS if (d, fault) in rows]
        lines += ["", f"## {d} dimensions", "", "| | " + " | ".join(faults) + " |"]
        lines += ["|---|" + "---:|" * len(faults)]
        counts = " | ".join(f"{int(rows[d, fault]['repeats']):,}" for fault in faults)
        lines += [f"| repeats | {counts} |"]
        for name, title in COLUMNS.items():
            cells = []
            for fault in faults:
                share = 100 * int(rows[d, fault][name]) / int(rows[d, fault]["repeats"])
                cells.append(f"{share:.1f}" if fault == "exact" else f"{share:.0f}")
            title = f"**{title}**" if name.startswith("suite") else title
            lines += [f"| {title} | " + " | ".join(cells) + " |"]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dimensions", type=int, nargs="*", default=[2, 10, 50])
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--exact", type=int, default=1000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    measure(options.dimensions, options.repeats, options.exact)
    page = table()
    Path(__file__).with_suffix(".md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
