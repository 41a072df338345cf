"""A comparison whose every text tries to be more than text."""

from __future__ import annotations

import numpy as np
from fabricated_results import curves, toy_problem, toy_result

import sbiwb
from sbiwb.core.distributions import LogUniform, Normal, Sine, Uniform
from sbiwb.core.prior import Parameter
from sbiwb.core.verdict import Outcome, Verdict

HOSTILE = [
    "<script>alert(1)</script>", "$bad_latex$", "a b/c", "参数", "פרמטר", "e\u0301\x07\ud800",
    '"><img src=x onerror=alert(1)>',
]  # fmt: skip
LABELS = [r"\frac{", r"$\alpha", "", r"\Omega_\lambda", "", "{" * 150, r"\mathcal{M}_c"]


def hostile_result(method: str, seed: int, n: int):
    distributions = [
        Uniform(0, 1), Normal(0, 1), Uniform(0, 1e-20), LogUniform(1e8, 1e10),
        Uniform(1126259462, 1126259463), Uniform(0, 2), Sine(),
    ]  # fmt: skip
    parameters = [
        Parameter(name, d, "<u>$", label)
        for name, d, label in zip(HOSTILE, distributions, LABELS, strict=True)
    ]
    rng = np.random.default_rng(seed)
    theta = np.stack(
        [
            rng.beta(1, 8, n), rng.normal(size=n), 1e-20 * rng.beta(5, 5, n),
            10 ** rng.normal(9, 0.1, n), 1126259462.4 + 0.002 * rng.normal(size=n),
            rng.choice([0.5, 1.5], n) + 0.03 * rng.normal(size=n), rng.beta(2, 2, n) * 3,
        ],
        axis=1,
    )  # fmt: skip
    verdicts = (
        Verdict(f"<script>[{HOSTILE[0]}]", Outcome.FAIL, "<script>alert('message')</script>"),
        *curves(tuple(HOSTILE)),
    )
    provenance = {
        "versions": {"<b>": "</table>"}, "options": {"<i>": "<!--"}, "simulations": {"<s>": 3}
    }  # fmt: skip
    problem = toy_problem(parameters, name="<b>sim</b>", **{"<o>": "&lt;"})
    return toy_result(method, theta, problem=problem, verdicts=verdicts, provenance=provenance)


def hostile_comparison(n: int = 600, methods: tuple[str, ...] = ("npe", "<img src=x>")):
    return sbiwb.compare(
        {"</section>": [hostile_result(m, k, n) for k, m in enumerate(methods)]},
        title="</title><script>alert(1)</script>",
    )
