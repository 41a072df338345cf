"""Our corner plot and GetDist's of the same draws: DESI DR2's w0waCDM by two exact samplers.

Run ``python docs/examples/beside_getdist.py`` with GetDist installed (extra ``docs``); it writes
docs/images/corner_sbiwb.svg and docs/images/corner_getdist.png.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import sbiwb
import sbiwb.report
from sbiwb.report.plots.corner import corner

METHODS = ("exact+emcee", "exact+slice")
COLOURS = ("#0072b2", "#d55e00")  # as in the report


def posteriors(draws=20_000):
    problem = sbiwb.problem("cosmology.bao", data="desi_dr2", model="w0wacdm")
    return [sbiwb.infer(problem, method, seed=1, draws=draws) for method in METHODS]


def ours(results, path):
    """The report's own figure, with the colours that its page gives it."""
    drawing = str(corner(sbiwb.compare(results).groups[0]))
    style = (Path(sbiwb.report.__path__[0]) / "style.css").read_text("utf-8")
    colours = re.search(r":root \{.*?\n\}", style, re.DOTALL)[0]
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    head, _, rest = drawing.partition(">")
    space = 'xmlns="http://www.w3.org/2000/svg"'
    path.write_text(f"{head} {space}><style>{colours}</style>{ground}{rest}")


def theirs(results, path):
    """GetDist's triangle plot of the same draws, with the same bounds."""
    from getdist import MCSamples, plots

    parameters = results[0].problem.prior.parameters
    names = [p.name for p in parameters]
    sets = [
        MCSamples(
            samples=result.samples(),
            names=names,
            labels=[p.label or p.name for p in parameters],
            label=result.method,
            ranges={p.name: p.distribution.support for p in parameters},
        )
        for result in results
    ]
    plotter = plots.get_subplot_plotter(width_inch=8)
    plotter.triangle_plot(sets, filled=True, contour_colors=list(COLOURS))
    plotter.export(str(path), dpi=90)


def main(folder):
    results = posteriors()
    ours(results, folder / "corner_sbiwb.svg")
    theirs(results, folder / "corner_getdist.png")


if __name__ == "__main__":
    images = Path(__file__).parents[1] / "images"
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else images)
