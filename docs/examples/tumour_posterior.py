"""Figure of the how-to: a synthetic examination, the front behind it, and what μ1 and μ2 can be.

Run ``python docs/examples/tumour_posterior.py``; it writes docs/images/tumour_posterior.png.  The
draws are those of the reference posterior in tests/references.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.lines import Line2D

import sbiwb

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "tests" / "references" / "tumour_4mm.nc"
SLICE_CM = 2.0
DRAWS, LEVELS = 30, (0.01, 0.2, 0.6)
FRONTS = ("#56B4E9", "#0072B2", "#D55E00")


def draws_of(file):
    """Posterior draws (n, d), and the parameters' names."""
    with xr.open_dataset(file, engine="h5netcdf") as data:
        return np.stack([data[name].values.ravel() for name in data], axis=1).astype(float)


def anatomy_panel(axes, simulator, x, theta):
    """Outlines of the examination as steps of voxels, fronts of posterior draws as curves."""
    anatomy = simulator.anatomy
    level = int(np.argmin(np.abs(anatomy.axes[2] - SLICE_CM)))
    across, up = anatomy.axes[0], anatomy.axes[1]
    half = anatomy.spacing / 2
    extent = (across[0] - half, across[-1] + half, up[0] - half, up[-1] + half)
    shade = (anatomy.grey + 2 * anatomy.white)[:, :, level].T
    axes.imshow(shade, origin="lower", extent=extent, cmap="gray", vmin=-0.6, vmax=2.6)
    images = simulator.images.whole(x)[..., level]
    for image, colour in zip(images[1::-1], FRONTS[1:], strict=True):
        shown = np.ma.masked_less(image.T, 0.5)
        colours = mpl.colors.ListedColormap([colour])
        axes.imshow(shown, origin="lower", extent=extent, cmap=colours, alpha=0.35)
    cells = simulator.images.whole(simulator.cells(theta))[..., level]
    for c in cells:
        axes.contour(across, up, c.T, LEVELS, colors=FRONTS, linewidths=0.6, alpha=0.35)
    axes.set(xlabel="$x$ [cm]", ylabel="$y$ [cm]", title="Outlines, and fronts of 30 draws")
    names = ("$c$ = 0.01, unseen", "$c$ = 0.2, FLAIR", "$c$ = 0.6, T1Gd")
    lines = [Line2D([], [], color=colour) for colour in FRONTS]
    axes.legend(lines, names, fontsize=7, loc="lower left", framealpha=0.9)
    return level, extent


def pet_panel(figure, axes, simulator, x, level, extent):
    """Uptake in the same slice."""
    image = np.ma.array(
        simulator.images.whole(x)[2, :, :, level], mask=~simulator.anatomy.tissue[:, :, level]
    )
    shown = axes.imshow(image.T, origin="lower", extent=extent, cmap="magma", vmin=-0.2, vmax=1.2)
    axes.set_facecolor("0.85")
    axes.set(xlabel="$x$ [cm]", title="PET uptake")
    figure.colorbar(shown, ax=axes, shrink=0.75, label="uptake / uptake at $c$ = 1")


def ratios_panel(axes, draws, truth):
    """Joint posterior of μ1 and μ2, with the regions that hold 39 % and 86 % of a Gaussian."""
    axes.plot(draws[:, 0], draws[:, 1], ".", ms=1.5, alpha=0.15, color=FRONTS[1], mew=0)
    centre, covariance = draws[:, :2].mean(axis=0), np.cov(draws[:, :2].T)
    angle = np.linspace(0, 2 * np.pi, 200)
    circle = np.linalg.cholesky(covariance) @ np.stack([np.cos(angle), np.sin(angle)])
    for radius in (1, 2):
        axes.plot(*(centre[:, np.newaxis] + radius * circle), color="black", lw=1)
    axes.plot(*truth[:2], "+", ms=11, mew=2, color=FRONTS[2])
    axes.set(
        xlabel=r"$\mu_1 = \sqrt{DT}$ [cm]", ylabel=r"$\mu_2 = \sqrt{\rho T}$", title="Posterior"
    )
    axes.locator_params(nbins=5)


def main(path):
    problem = sbiwb.problem("tumour.fisher_kolmogorov", dimensions=3, spacing_mm=4)
    simulator, x = problem.simulator, problem.observation.x
    draws = draws_of(REFERENCE)
    figure, grid = plt.subplots(
        1, 3, figsize=(11, 4.1), layout="constrained", width_ratios=(1, 1.25, 1.05)
    )
    few = draws[:: len(draws) // DRAWS][:DRAWS]
    level, extent = anatomy_panel(grid[0], simulator, x, few)
    pet_panel(figure, grid[1], simulator, x, level, extent)
    ratios_panel(grid[2], draws, simulator.truth())
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    default = ROOT / "docs" / "images" / "tumour_posterior.png"
    main(sys.argv[1] if len(sys.argv) > 1 else default)
