"""Fisher–Kolmogorov growth against what is known of it: speed, mass, bounds, and the grid."""

from __future__ import annotations

import platform

import numpy as np
import pytest

pytest.importorskip("numba")
pytest.importorskip("nilearn")

import numba

from sbiwb.errors import UsageError
from sbiwb.simulators.tumour import growth as growth_module
from sbiwb.simulators.tumour.anatomy import Anatomy, brain, from_maps
from sbiwb.simulators.tumour.growth import GREY, Growth
from sbiwb.simulators.tumour.kernel import grow

ORIGIN = np.array([[2.9, -2.1, 2.2]])


def strip(length, spacing_mm=1.0, white=1.0):
    """A homogeneous strip: one voxel high, three wide, with the margin around."""
    shape = (3, length)
    affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    return from_maps(np.full(shape, 1.0 - white), np.full(shape, white), affine)


def front_speed(mu1=1.0, mu2=30.0, spacing_mm=0.2, scheme=Growth):
    """Late speed of a front in a homogeneous strip, over 2 √(D ρ), with Bramson's delay taken out.

    A pulled front lies at 2 √(Dρ) t − (3/2) √(D/ρ) ln t + const + O(t^{-1/2}) (Bramson 1983), so
    the slope is fitted together with ln t and t^{-1/2}.
    """
    solver = scheme(strip(4000, spacing_mm))
    field = np.where(solver.anatomy.tissue, 0.0, 0.0)[np.newaxis]
    field[0, :, 1:20] = solver.anatomy.tissue[:, 1:20]
    times = np.linspace(0.1, 1.0, 19)
    x, place = solver.anatomy.axes[1], []
    for before, now in zip([0.0, *times[:-1]], times, strict=True):
        share = np.sqrt(now - before)  # both ratios grow with the root of time
        field = solver.advance(field, np.array([mu1 * share]), np.array([mu2 * share]))
        profile = field[0][2]
        ahead = int(np.flatnonzero(profile >= 0.5)[-1])
        part = (profile[ahead] - 0.5) / (profile[ahead] - profile[ahead + 1])
        place.append(x[ahead] + part * solver.anatomy.spacing)
    t = times * mu2**2  # in units of 1/ρ
    width = mu1 / mu2
    design = np.stack([t, np.ones_like(t), t**-0.5], axis=1)
    return np.linalg.lstsq(design, np.array(place) / width + 1.5 * np.log(t), rcond=None)[0][0] / 2


def test_a_front_moves_at_twice_the_root_of_diffusivity_and_growth():
    assert front_speed() == pytest.approx(1.0, rel=0.02)


def test_a_faster_front_would_be_noticed():
    class Faster(Growth):
        def advance(self, fields, mu1, mu2, steps=None):
            return super().advance(fields, mu1 * 1.05, mu2, steps)

    assert front_speed(scheme=Faster) != pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize("options", [{"slice_mm": 20.0}, {}], ids=["slice", "brain"])
def test_without_growth_no_cell_is_lost(options):
    solver = Growth(brain(4, **options))
    start = solver.start(ORIGIN[:, : solver.anatomy.tissue.ndim])
    end = solver.advance(start, np.array([2.0]), np.zeros(1))
    assert abs(end - start).max() > 0.1
    assert end.sum() == pytest.approx(start.sum(), rel=1e-12)
    assert np.all(end[0][~solver.anatomy.tissue] == 0)


def test_a_leak_would_be_noticed(monkeypatch):
    # Faces of the mean, not the harmonic mean, let cells flow out of the tissue.
    monkeypatch.setattr(growth_module, "_faces", lambda d, axis: (d + np.roll(d, -1, axis)) / 2)
    solver = Growth(brain(4, 20.0))
    start = solver.start(ORIGIN[:, :2])
    end = solver.advance(start, np.array([2.0]), np.zeros(1))
    assert end.sum() != pytest.approx(start.sum(), rel=1e-6)


def volumes(spacing_mm, mu1, mu2):
    """Volumes in cm³ above the thresholds of FLAIR and T1Gd."""
    anatomy = brain(spacing_mm)
    c = Growth(anatomy).solve(np.array([mu1]), np.array([mu2]), ORIGIN)[0]
    return np.array([np.sum(c > level) for level in (0.2, 0.6)]) * anatomy.spacing**3


def test_volumes_hardly_depend_on_the_grid():
    # The front is 1.3 spacings wide at 4 mm, and less in grey matter.
    coarse, fine = (volumes(h, 1.6, 3.0) for h in (4, 2))
    assert fine.min() > 200.0
    assert coarse == pytest.approx(fine, rel=0.05)


def test_diffusion_alone_is_the_heat_kernel():
    solver = Growth(from_maps(np.zeros((61, 61)), np.ones((61, 61)), np.diag([2.0, 2, 2, 1])))
    centre = np.array([[6.2, 6.2]])
    end = solver.advance(solver.start(centre), np.array([0.8]), np.zeros(1))[0]
    # Variances add: s² + 2 D T along each axis.
    variance = 0.3**2 + 2 * 0.8**2
    x, y = (axis - 6.2 for axis in np.meshgrid(*solver.anatomy.axes, indexing="ij"))
    expected = 0.3**2 / variance * np.exp(-(x**2 + y**2) / 2 / variance)
    assert end.max() == pytest.approx(expected.max(), rel=0.01)
    assert np.abs(end - expected).max() < 0.01 * expected.max()


def test_growth_alone_is_logistic():
    solver = Growth(brain(4, 20.0))
    start = solver.start(ORIGIN[:, :2])
    end = solver.advance(start, np.full(1, 1e-9), np.array([2.0]))
    exact = start * np.exp(4.0) / (1 - start + start * np.exp(4.0))
    assert end == pytest.approx(exact, abs=1e-12)


def test_density_stays_between_zero_and_one_at_the_bound():
    solver = Growth(brain(4, 20.0))
    mu1 = np.array([3.0])
    steps = int(np.ceil(9.0 / solver.largest_step))
    end = solver.solve(mu1, np.array([1.0]), ORIGIN[:, :2], steps)
    assert end.min() >= 0.0
    assert end.max() <= 1.0


def test_an_unstable_number_of_steps_is_refused():
    solver = Growth(brain(4, 20.0))
    with pytest.raises(UsageError, match=r"too few steps for mu1 = 3 cm on a 4 mm grid; got 224"):
        solver.solve(np.array([3.0]), np.array([1.0]), ORIGIN[:, :2], 224)


def test_the_bound_is_that_of_white_matter_and_is_sharp():
    solver = Growth(from_maps(np.zeros((9, 9)), np.ones((9, 9)), np.diag([4.0, 4, 4, 1])))
    assert solver.largest_step == pytest.approx(0.4**2 / 4)
    board = np.where(solver.anatomy.tissue, np.indices(solver.anatomy.shape).sum(axis=0) % 2, 0)
    # Two times the bound: the chequered mode grows; checked here without the guard.
    solver.check_steps = lambda *_: None
    wild = solver.advance(board[np.newaxis] * 1.0, np.sqrt([20 * 0.08]), np.zeros(1), 20)
    assert np.abs(wild).max() > 2.0


def test_grey_matter_diffuses_a_tenth_as_fast():
    grey = Growth(strip(60, 2.0, white=0.0))
    white = Growth(strip(60, 2.0, white=1.0))
    start = grey.start(np.array([[0.4, 6.0]]))
    slow = grey.advance(start, np.array([1.0]), np.zeros(1))
    fast = white.advance(start, np.array([np.sqrt(GREY)]), np.zeros(1))
    assert slow == pytest.approx(fast, abs=2e-4)  # they take different numbers of steps


def test_a_batch_is_its_members():
    solver = Growth(brain(4, 20.0))
    mu1, mu2 = np.array([0.5, 2.0, 1.0]), np.array([3.0, 1.0, 2.0])
    origin = ORIGIN[:, :2] + np.array([[0, 0], [-1, 0], [0, 1]])
    together = solver.solve(mu1, mu2, origin)
    for k in range(3):
        one = slice(k, k + 1)
        assert np.array_equal(together[one], solver.solve(mu1[one], mu2[one], origin[one]))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="looks for x86 code")
def test_the_compiled_loop_works_on_several_voxels_at_once():
    voxels = numba.float64[::1]
    kinds = [numba.float64[:, ::1], voxels, voxels, voxels]
    packed = []
    for index in (numba.uint64, numba.int64):  # the second is the planted fault
        fresh = numba.jit(**grow.targetoptions)(grow.py_func)
        fresh.compile((*kinds, index[:, ::1], index, index, voxels, voxels, numba.int64[::1]))
        packed.append("divpd" in "".join(fresh.inspect_asm().values()))
    assert packed == [True, False]


def test_the_brain_is_one_piece_of_the_right_size():
    for spacing in (2, 4):
        anatomy = brain(spacing)
        # ICBM's average brain, ventricles and the space around it left out, is 1.5 to 1.9 litres.
        assert 1500 < anatomy.tissue.sum() * anatomy.spacing**3 < 1900
        outside = anatomy.tissue.copy()
        outside[1:-1, 1:-1, 1:-1] = False
        assert not outside.any()
    coarse, fine = brain(4), brain(2)
    for a, b in zip(coarse.axes, fine.axes, strict=True):
        assert abs(a[0] - b[0]) < 0.5
    with pytest.raises(UsageError, match="one of \\(2, 4\\) mm"):
        brain(3)
    with pytest.raises(UsageError, match="no slice at this height"):
        brain(4, 300.0)
    with pytest.raises(UsageError, match="no tissue"):
        brain(4, -72.0)


def test_a_damaged_cache_is_made_again(tmp_path, monkeypatch):
    import pooch

    from sbiwb.simulators.tumour import anatomy

    monkeypatch.setattr(pooch, "os_cache", lambda _name: tmp_path)
    first = anatomy._maps(4)
    kept = next(tmp_path.rglob("*.npz"))
    again = anatomy._maps(4)
    kept.write_bytes(b"not an archive")
    made = anatomy._maps(4)
    for a, b, c in zip(first, again, made, strict=True):
        assert np.array_equal(a, b)
        assert np.array_equal(a, c)
    assert isinstance(brain(4, 20.0), Anatomy)
