"""Densities, numbers, labels and figures of the report."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sbiwb.comparison.groups import Quantity
from sbiwb.core.verdict import Verdict
from sbiwb.report.checks import columns
from sbiwb.report.density import Window, bandwidth, density_1d, density_2d
from sbiwb.report.figure import INK, drawing, new_figure, series
from sbiwb.report.labels import drawn, symbol
from sbiwb.report.numbers import (
    count,
    fixed,
    scale_of,
    seconds,
    significant,
    with_error,
)
from sbiwb.report.svg import svg
from sbiwb.report.text import clean, plain

FREE = (-np.inf, np.inf)


# -- densities --------------------------------------------------------------------------------


def test_a_gaussian_marginal():
    n = 20_000
    draws = np.random.default_rng(1).standard_normal(n)
    density = density_1d(draws, Window(-4, 4, FREE), n)
    error = density.values - stats.norm.pdf(density.centres[0])
    # A kernel estimate's standard error is √(f ∫K² / (n h)), here 0.004 at the peak.
    assert np.max(np.abs(error)) < 4 * 0.004
    assert np.sum(density.values) * (8 / len(density.values)) == pytest.approx(1)


@pytest.mark.parametrize("dist", [stats.expon(), stats.uniform(0, 3)], ids=["falling", "flat"])
def test_no_density_leaks_past_a_bound(dist):
    n = 20_000
    draws = dist.rvs(n, random_state=np.random.default_rng(2))
    density = density_1d(draws, Window(0, 3, (0, 3) if dist.support()[1] == 3 else (0, np.inf)), n)
    x, exact = density.centres[0], dist.pdf(density.centres[0]) / dist.cdf(3)
    near = x < 0.15
    # Without a correction half of the density at the bound would be lost.
    assert density.values[near] == pytest.approx(exact[near], rel=0.1)


def test_two_peaks_are_not_smeared():
    rng = np.random.default_rng(3)
    draws = rng.choice([-3.0, 3.0], 5000) + 0.3 * rng.standard_normal(5000)
    # Silverman's rule would take 0.5, broader than the peaks.
    assert bandwidth(draws, 5000) < 0.2


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.97])
def test_contours_hold_what_they_say(correlation):
    rng = np.random.default_rng(4)
    n = 20_000
    root = np.linalg.cholesky([[1, correlation], [correlation, 1]])
    draws, fresh = (rng.standard_normal((n, 2)) @ root.T for _ in range(2))
    density = density_2d(draws, (Window(-4.5, 4.5, FREE),) * 2, n)
    step = density.centres[0][1] - density.centres[0][0]
    cells = np.clip(((fresh + 4.5) / step).astype(int), 0, len(density.centres[0]) - 1)
    heights = density.values[cells[:, 0], cells[:, 1]]
    for mass in (0.68, 0.95):
        # Standard error of the share 0.003; smoothing moves it by less than 0.015.
        assert np.mean(heights >= density.level(mass)) == pytest.approx(mass, abs=0.03)


def test_a_slanted_bound_is_respected():
    rng = np.random.default_rng(5)
    draws = rng.random((100_000, 2))
    draws = draws[draws.sum(axis=1) < 1][:40_000]
    density = density_2d(draws, (Window(0, 1, (0, 1)),) * 2, len(draws), (1.0, 1.0, 1.0))
    x, y = np.meshgrid(*density.centres, indexing="ij")
    assert np.array_equal(density.inside, x + y < 1)
    edge = density.inside & (x + y > 0.95) & (np.abs(x - y) < 0.6)
    # The density is 2 everywhere; uncorrected it would fall to half at the slanted bound.
    assert np.mean(density.values[edge]) == pytest.approx(2.0, rel=0.06)


# -- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("got", "text"),
    [
        (fixed(-0.5, 2), "−0.50"),
        (fixed(-0.001, 2), "0.00"),
        (fixed(float("nan"), 2), "–"),
        (significant(0.012345), "0.0123"),
        (significant(1.5e-21), "1.50 × 10⁻²¹"),
        (significant(0), "0"),
        (count(1234567), "1\u202f234\u202f567"),
        (seconds(12.34), "12 s"),
        (seconds(125), "2 min 5 s"),
        (seconds(7300), "2 h 1 min"),
        (with_error(0.29741, 0.0086, 0.0085), "0.2974 ± 0.0086"),
        (with_error(101.54, 0.731, 0.729), "101.54 ± 0.73"),
        (with_error(1.0, 0.5, 2.0), "1.00 +2.00 −0.50"),
        (with_error(3e-21, 1e-22, 1e-22), "(3.00 ± 0.10) × 10⁻²¹"),
        (with_error(1126259462.42, 0.002, 0.002), "1126259462.4200 ± 0.0020"),
        (with_error(0.0, 0.001, 0.001), "0.0000 ± 0.0010"),
    ],
)
def test_numbers_are_printed_as_their_error_bears(got, text):
    assert got == text


def test_powers_of_ten_are_taken_out_of_large_and_small_numbers():
    assert [scale_of(v) for v in (0.0, 5.0, 0.002, 2e-4, 99_999.0, 2e6)] == [0, 0, 0, -4, 0, 6]
    assert scale_of(1126259462.0, error=0.01) == 0


# -- labels -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (r"\Omega_m", r"$\Omega_m$"),
        (r"$\alpha$", r"$\alpha$"),
        ("", "name"),
        (r"\frac{", r"\frac{"),
        (r"\nosuchcommand", r"\nosuchcommand"),
        ("a$b", r"a\$b"),
        ("{" * 5000, plain("{" * 5000, 20)),
    ],
)
def test_labels_are_mathematics_only_if_they_parse(label, text):
    assert drawn(Quantity("name", label)) == text


def test_symbols_are_outlines_or_text():
    assert symbol(Quantity("Om", r"\Omega_m")).startswith('<svg class="symbol deep-3" role="img"')
    assert 'aria-label="Om"' in symbol(Quantity("Om", r"\Omega_m"))
    assert symbol(Quantity("<b>")) == "<bdi><i>&lt;b&gt;</i></bdi>"


def test_unprintable_text_is_made_printable():
    assert clean("a\nb\x00\ud800") == "a b\ufffd\ufffd"
    assert len(clean("x" * 1000)) == 200


# -- figures ----------------------------------------------------------------------------------


def drawn_text(text: str) -> str:
    with drawing():
        figure = new_figure(2, 1)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1.23456789], color=series(2).colour)
        axes.set_title(plain(text))
        return str(svg(figure, "alt <text>"))


def test_colours_are_left_to_the_page():
    picture = drawn_text("title")
    assert "var(--ink)" in picture
    assert "var(--series-3)" in picture
    assert INK not in picture
    assert "#0" not in picture.replace("url(#", "").replace('href="#', "")


def test_a_figure_carries_no_date_no_style_and_no_script():
    picture = drawn_text("<script>x</script>")
    assert "<style" not in picture
    assert "<script" not in picture
    assert "dc:date" not in picture
    assert 'aria-label="alt &lt;text&gt;"' in picture


@pytest.mark.parametrize(("text", "as_text"), [("Ωλ é", False), ("参数", True), ("פרמטר", True)])
def test_letters_are_outlined_if_the_font_has_them(text, as_text):
    assert (f">{text}</text>" in drawn_text(text)) is as_text


def test_figures_of_one_page_share_no_identifier():
    first, second = ({part.split('"')[0] for part in drawn_text(t).split('id="')[1:]} for t in "ab")
    assert first
    assert not first & second


def test_checks_of_a_group_share_a_column_and_agreement_stands_last():
    names = ("agreement", "tarp", "ess", "insertion_ranks", "sbc[a]", "sbc[b]", "own_check")
    found = columns(Verdict(name, "pass", "") for name in names)
    assert found["Sampler"] == ("ess", "insertion_ranks")
    assert next(iter(found)) == "Sampler"
    assert [*found][-1] == "Agreement"
    assert found["Calibration"] == ("tarp", "sbc")
    assert found["Own check"] == ("own_check",)
    assert "Sampler" not in columns([Verdict("tarp", "pass", "")])
