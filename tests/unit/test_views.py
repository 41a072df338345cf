"""Views of a field: what simulators say of their data, and what the report makes of it."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from fabricated_results import toy_problem, toy_result

import sbiwb
from sbiwb.core.fixed import FixedSimulator
from sbiwb.core.views import Curves, HasViews, Outlines, Points
from sbiwb.errors import UsageError
from sbiwb.report.blocks import Report
from sbiwb.report.sections import views as section_of_views
from sbiwb.report.write import render


def curves(theta, title="A line", **options):
    x = np.linspace(0, 1, 5)
    points = (Points(x, x, 0 * x + 0.1), Points(x, x, joined=True))
    return Curves(
        title, "time [s]", r"$x_\mathrm{t}$ [m]", x, theta[:, :1] * x, points, 0.0, **options
    )


def outlines(theta):
    x, y = np.arange(4.0), np.arange(6.0)
    inside = np.add.outer(theta[:, 0], np.add.outer(x, y)) > 4
    return Outlines("A region", "right", "up", x, y, np.ones((4, 6)), inside, inside[0])


def page(views, methods=("exact+emcee", "npe"), costly=False):
    """What the page shows of two methods' views; no other section is made."""
    problem = toy_problem()
    problem.simulator.views = views
    problem.simulator.costly = costly
    results = [toy_result(m, seed=k, problem=problem) for k, m in enumerate(methods)]
    with mock.patch("sbiwb.report.write._ORDER", (section_of_views,)):
        text = render(Report(sbiwb.compare(results), "", {}))
    return text.partition('<section id="views"')[2].partition("</section>")[0]


def test_views_of_methods_share_figures():
    section = page(lambda theta, _x: [curves(theta, note="Read this."), outlines(theta)])
    assert section.count('role="img"') == 2
    assert "A line for toy by exact+emcee, npe: x_t [m] against time [s]" in section
    assert "A region for toy by exact+emcee, npe: regions on the map" in section
    for method in ("0", "1"):
        assert section.count(f'data-method="{method}"') > 2
    assert "<figcaption>Read this.</figcaption>" in section


def test_a_costly_simulator_is_asked_for_little():
    asked = []

    def views(theta, _x):
        asked.append(len(theta))
        return [curves(theta)]

    assert page(views, costly=True)
    assert asked == [40]
    assert page(views)
    assert asked == [40, 200, 200]


def test_a_view_that_raises_costs_a_sentence():
    def views(theta, _x):
        raise ValueError("<b>no map</b>")

    section = page(views)
    assert "could not show the draws of npe: ValueError: &lt;b&gt;no map&lt;/b&gt;" in section
    assert "<svg viewBox" not in section


def test_no_views_no_section():
    assert page(lambda _theta, _x: []) == ""
    assert page(None) == ""


def test_hostile_titles_are_text():
    section = page(lambda theta, _x: [curves(theta, r"$\frac{$<script>")], methods=["npe"])
    assert "<script>" not in section


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Points(np.zeros(2), np.zeros(3)),
        lambda: Points(np.zeros(2), np.zeros(2), np.zeros(3)),
        lambda: Curves("t", "x", "y", np.arange(3.0), np.zeros((2, 4))),
        lambda: Curves("t", "x", "y", np.zeros(3), np.zeros((2, 3))),
        lambda: Outlines("t", "x", "y", np.zeros(2), np.zeros(3), np.zeros((3, 2)),
                         np.zeros((1, 2, 3))),
        lambda: Outlines("t", "x", "y", np.zeros(2), np.zeros(3), np.zeros((2, 3)),
                         np.zeros((1, 3, 2))),
    ],
)  # fmt: skip
def test_wrong_shapes_are_refused(wrong):
    with pytest.raises(UsageError, match=r"view|points"):
        wrong()


def test_fixed_parameters_are_filled_in():
    simulator = sbiwb.problem("cosmology.bao", model="wcdm").simulator
    fixed = FixedSimulator(simulator, {"w0": -0.9})
    assert isinstance(fixed, HasViews)
    theta = np.array([[0.3, 100.0, -0.9]])
    x = simulator.default_observation().x
    whole, part = simulator.views(theta, x), fixed.views(theta[:, :2], x)
    assert [v.title for v in whole] == [v.title for v in part]
    assert whole[0].curves == pytest.approx(part[0].curves)


# -- the fields -------------------------------------------------------------------------------


def test_cosmological_curves_are_the_predictions():
    problem = sbiwb.problem("cosmology.background", data=["desi_dr2", "union3"], model="w0wacdm")
    simulator, x = problem.simulator, problem.observation.x
    theta = np.array([[0.35, 95.0, -0.6, -1.2], [0.3, 100.0, -1.0, 0.0]])
    views = {view.title: view for view in simulator.views(theta, x)}
    assert list(views) == [
        "DESI DR2: transverse distances", "DESI DR2: radial distances",
        "DESI DR2: averaged distances", "Union3: Hubble residuals", "Equation of state",
    ]  # fmt: skip
    # Flat ΛCDM of round numbers is what distances are held against.
    for view in list(views.values())[:3]:
        assert view.curves[1] == pytest.approx(np.ones(len(view.x)), abs=1e-6)
    assert views["Union3: Hubble residuals"].curves[1] == pytest.approx(0, abs=1e-6)
    assert views["Equation of state"].curves[1] == pytest.approx(-1)
    # Data points lie on the curve where the data are the prediction; between 80 nodes a curve
    # is straight to about 1e-4.
    for view in simulator.views(theta[:1], simulator.mean(theta)[0])[:4]:
        (points,) = view.points
        assert np.interp(points.x, view.x, view.curves[0]) == pytest.approx(points.y, abs=3e-4)


def test_strain_in_time_has_the_noise_it_says():
    from sbiwb.simulators.gw.views import strain_views

    simulator = sbiwb.problem("gw.compact_binary").simulator
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((400, 2, len(simulator.grid), 2)).view(np.complex128)[..., 0]
    views = strain_views(simulator.signal, None, noise)
    assert [view.title for view in views] == ["Strain of H1", "Strain of L1"]
    # 400 series of some 100 independent samples each: their variance is known to a percent.
    assert np.std(views[0].curves) == pytest.approx(1, abs=0.02)
    assert np.all((views[0].x > -0.2) & (views[0].x < 0.1))


def test_the_signal_is_where_the_data_are():
    from sbiwb.simulators.gw.compact_binary import INJECTION

    problem = sbiwb.problem("gw.compact_binary")
    simulator, x = problem.simulator, problem.observation.x
    truth = np.array([[INJECTION[name] for name in problem.prior.names]])
    for view in simulator.views(truth, x):
        residual = view.points[0].y - view.curves[0]
        # Less the signal, noise of unit variance is left; with it there is more.
        assert np.std(residual) == pytest.approx(1, abs=0.35)
        assert np.std(view.points[0].y) > np.std(residual)


def test_phase_free_shows_the_phase_that_fits():
    problem = sbiwb.problem("gw.phase_free", training=200)
    simulator = problem.simulator
    theta = problem.prior.sample(3, np.random.default_rng(2))
    views = simulator.views(theta, problem.observation.x)
    # Within the window that is shown, which holds nearly all of a heavy binary's signal.
    assert np.all(sum(np.sum(view.curves * view.points[0].y, axis=1) for view in views) > 0)
    assert simulator.views(theta, problem.observation.x + 1) == []


def test_tumours_are_outlined_over_the_brain():
    problem = sbiwb.problem("tumour.fisher_kolmogorov", dimensions=3)
    simulator = problem.simulator
    views = simulator.views(np.array([simulator.truth()]), problem.observation.x)
    assert [view.title for view in views] == [
        f"{channel}, {plane}"
        for channel in ("T1Gd", "FLAIR")
        for plane in ("axial", "coronal", "sagittal")
    ]
    for view in views:
        # Outlines are drawn with toss-ups at their border only.
        both = np.sum(view.inside[0] & view.observed)
        assert both > 0.8 * np.sum(view.inside[0] | view.observed)
        assert 0 <= view.background.min() <= view.background.max() <= 1.35
