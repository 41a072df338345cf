"""Figure of the how-to: what DESI DR2 and Union3 say of dark energy under three models.

Run ``python docs/examples/cosmology_dark_energy.py``; it writes docs/images/dark_energy.png.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt

import sbiwb
from sbiwb.simulators.cosmology.distances import Distances
from sbiwb.simulators.cosmology.models import MODELS
from sbiwb.simulators.cosmology.points import published_points
from sbiwb.simulators.cosmology.tables import table

Z = np.linspace(0.01, 2.5, 250)
LOOKS = {
    "w0wacdm": ("#0072B2", r"$w_0 + w_a\,z/(1+z)$"),
    "osc_damped_sin": ("#D55E00", r"$w_0 + b\,[\sin(1+z)/(1+z) - \sin 1]$"),
    "osc_z": ("#009E73", r"$w_0 + A\,\sin(Bz)$"),
}


def posterior(model, nlive):
    """Draws of the posterior of DESI + Union3: Ωm, h·r_d and the model's own parameters."""
    problem = sbiwb.problem("cosmology.background", data=["desi_dr2", "union3"], model=model)
    return sbiwb.infer(problem, "exact+dynesty", seed=1, sampling="rwalk", nlive=nlive).samples()


def distances(model, theta, z):
    """D_M and D_H in units of c/H0; shape (n, k) each."""
    om, _, *own = theta.T[..., np.newaxis]
    return Distances(MODELS[model], z)(om, *own)


def band(axes, x, values, colour, **look):
    """Draw the 68 % band and the median of values (n, k)."""
    low, middle, high = np.quantile(values, [0.16, 0.5, 0.84], axis=0)
    axes.fill_between(x, low, high, color=colour, alpha=0.2, lw=0)
    axes.plot(x, middle, color=colour, lw=1.6, **look)


def supernovae(axes, best):
    """Union3 against the best ΛCDM; returns how curves of 5 lg D are to be moved onto it."""
    z, modulus = table("union3_nodes").T
    covariance = table("union3_covariance")
    # The common offset is unknown: data and curves are compared after each loses its own mean,
    # weighted by the errors that remain when a plain mean is taken away.
    plain = np.eye(len(z)) - 1 / len(z)
    weights = 1 / np.diag(plain @ covariance @ plain)
    weights /= weights.sum()
    away = np.eye(len(z)) - weights
    at_nodes, _ = distances("lcdm", best, z)
    residual = away @ (modulus - 5 * np.log10((1 + z) * at_nodes[0]))
    error = np.sqrt(np.diag(away @ covariance @ away.T))
    axes.errorbar(z, residual, error, fmt="o", ms=3, color="0.25", lw=0.8, zorder=3)
    on_curve, _ = distances("lcdm", best, Z)

    def curve(model, theta):
        ours, _ = distances(model, theta, Z)
        nodes, _ = distances(model, theta, z)
        offset = 5 * np.log10(nodes / at_nodes) @ weights
        return 5 * np.log10(ours / on_curve) - offset[:, np.newaxis]

    return curve


def baryons(axes, best):
    """DESI's D_M and D_H over those of the best ΛCDM."""
    points = published_points("desi_dr2")
    quantity, error = np.array(points.quantity), np.sqrt(np.diag(points.covariance))
    across, along = (2997.92458 / best[0, 1] * d[0] for d in distances("lcdm", best, points.z))
    expected = {
        "DM_over_rs": across,
        "DH_over_rs": along,
        "DV_over_rs": np.cbrt(points.z * across**2 * along),
    }
    for name, marker, label in (
        ("DM_over_rs", "o", r"$D_M$"),
        ("DH_over_rs", "s", r"$D_H$"),
        ("DV_over_rs", "^", r"$D_V$"),
    ):
        chosen = quantity == name
        model = expected[name][chosen]
        shift = {"DM_over_rs": -0.012, "DH_over_rs": 0.012}.get(name, 0.0)
        axes.errorbar(
            points.z[chosen] + shift,
            points.value[chosen] / model,
            error[chosen] / model,
            fmt=marker,
            ms=3.5,
            lw=0.8,
            color="0.25",
            mfc="white" if marker == "s" else "0.25",
            label=label,
            zorder=3,
        )
    on_curve, _ = distances("lcdm", best, Z)

    def curve(model, theta):
        ours, _ = distances(model, theta, Z)
        return ours / on_curve * best[0, 1] / theta[:, 1:2]

    return curve


def main(path, nlive=200):
    """Draw the figure; more live points make smoother bands."""
    lcdm = posterior("lcdm", nlive).mean(axis=0, keepdims=True)
    plt.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False})
    figure, (first, second, third) = plt.subplots(1, 3, figsize=(9.5, 3.1), layout="constrained")
    supernova_curve, bao_curve = supernovae(first, lcdm), baryons(second, lcdm)
    for model, (colour, label) in LOOKS.items():
        theta = posterior(model, nlive)[:2000]
        band(first, Z, supernova_curve(model, theta), colour)
        band(second, Z, bao_curve(model, theta), colour)
        own = theta.T[2:, :, np.newaxis]
        band(third, Z, np.broadcast_to(MODELS[model].w(Z, *own), (len(theta), len(Z))), colour,
             label=label)  # fmt: skip
    first.axhline(0, color="0.6", lw=0.8, ls=":")
    first.set(xscale="log", xlim=(0.04, 2.6), ylim=(-0.12, 0.12))
    first.set(xlabel="redshift", ylabel=r"$\mu - \mu_{\Lambda\mathrm{CDM}}$ [mag]")
    first.set_title("Union3 supernovae", fontsize=8)
    first.set_xticks([0.05, 0.1, 0.2, 0.5, 1, 2], ["0.05", "0.1", "0.2", "0.5", "1", "2"])
    first.minorticks_off()
    second.axhline(1, color="0.6", lw=0.8, ls=":")
    second.set(xlabel="redshift", ylabel=r"$(D/r_d)\,/\,(D/r_d)_{\Lambda\mathrm{CDM}}$")
    second.set(xlim=(0, 2.5), ylim=(0.945, 1.075))
    second.set_title(r"DESI DR2; bands are $D_M$", fontsize=8)
    second.legend(frameon=False, ncols=3, loc="lower right", handletextpad=0.2, columnspacing=0.8)
    third.axhline(-1, color="0.6", lw=0.8, ls=":")
    third.set(xlabel="redshift", ylabel="$w$", xlim=(0, 2.5), ylim=(-3.0, 0.2))
    third.set_title("equation of state, 68 %", fontsize=8)
    third.legend(frameon=False, loc="lower left")
    figure.savefig(path, dpi=160)
    plt.close(figure)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "images/dark_energy.png")
