"""Distances against astropy, over the whole prior of every model and 0 < z < 3."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM, Flatw0waCDM, FlatwCDM, wCDM
from scipy import integrate

from sbiwb import Prior
from sbiwb.rng import stream
from sbiwb.simulators.cosmology.bao import BAO, HUBBLE_DISTANCE
from sbiwb.simulators.cosmology.distances import Distances
from sbiwb.simulators.cosmology.models import MODELS, OMEGA_M

# wCDM with its default w0 = −1: the elliptic integrals of astropy's LambdaCDM are off by 10 % where
# Λ < 0, which its own numerical integral shows too.
THEIRS = {"lcdm": FlatLambdaCDM, "wcdm": FlatwCDM, "w0wacdm": Flatw0waCDM, "olcdm": wCDM}


@pytest.mark.parametrize("name", THEIRS)
def test_distances_agree_to_a_millionth(name):
    model = MODELS[name]
    prior = Prior((OMEGA_M, *model.parameters), model.constraint)
    arguments = ("Om0", *(parameter.name for parameter in model.parameters))
    rng = stream(0, "astropy", name)
    corners = prior.from_unit(np.round(rng.random((6, prior.dim))))
    for theta in np.concatenate([corners, prior.sample(20, rng)]):
        z = rng.uniform(0.0, 3.0, 6)
        given = dict(zip(arguments, theta, strict=True))
        if (ok := given.pop("Ok", None)) is not None:
            given["Ode0"] = 1 - given["Om0"] - ok
        theirs = THEIRS[name](100.0, Tcmb0=0.0, **given)
        columns = theta[:, np.newaxis, np.newaxis]
        comoving, hubble = (HUBBLE_DISTANCE * d[0] for d in Distances(model, z)(*columns))
        assert comoving == pytest.approx(theirs.comoving_transverse_distance(z).value, rel=1e-6)
        assert hubble == pytest.approx(HUBBLE_DISTANCE / theirs.efunc(z), rel=1e-6)


@pytest.mark.parametrize("name", sorted(set(MODELS) - set(THEIRS)))
def test_models_that_astropy_does_not_ship_agree_with_integrals_of_w(name):
    model = MODELS[name]
    prior = Prior((OMEGA_M, *model.parameters), model.constraint)
    rng = stream(0, "quad", name)
    corners = prior.from_unit(np.round(rng.random((2, prior.dim))))
    for theta in np.concatenate([corners, prior.sample(6, rng)]):
        om, *dark = theta
        z = np.sort(rng.uniform(0.0, 3.0, 3))
        columns = theta[:, np.newaxis, np.newaxis]
        comoving, hubble = (d[0] for d in Distances(model, z)(*columns))
        inverse_rate = partial(integrated_rate, lambda at, p=dark: model.w(at, *p), om)
        pieces = [
            integrate.quad(inverse_rate, *ends, epsabs=0, epsrel=1e-9, limit=200)[0]
            for ends in pairwise((0.0, *z))
        ]
        assert comoving == pytest.approx(np.cumsum(pieces), rel=1e-6)
        assert hubble == pytest.approx([inverse_rate(at) for at in z], rel=1e-6)


def integrated_rate(w, om, z):
    """1/E from an equation of state."""
    exponent, _ = integrate.quad(lambda at: 3 * (1 + w(at)) / (1 + at), 0, z, epsrel=1e-9)
    return 1 / np.sqrt(om * (1 + z) ** 3 + (1 - om) * np.exp(exponent))


def test_predictions_of_the_desi_points():
    bao = BAO(model="w0wacdm")
    om, hrd, w0, wa = theta = np.array([0.35, 98.0, -0.5, -1.6])
    theirs = Flatw0waCDM(100.0, Om0=om, w0=w0, wa=wa, Tcmb0=0.0)
    expected = []
    for z, quantity in zip(bao.points.z, bao.points.quantity, strict=True):
        transverse = theirs.comoving_distance(z).value / hrd
        radial = HUBBLE_DISTANCE / theirs.efunc(z) / hrd
        volume = np.cbrt(z * transverse**2 * radial)
        expected.append(
            {"DM_over_rs": transverse, "DH_over_rs": radial, "DV_over_rs": volume}[quantity]
        )
    assert bao.mean(theta[np.newaxis])[0] == pytest.approx(expected, rel=1e-6)


def test_radiation_may_be_left_out():
    # The docstring of `models`: less than 0.1 % in a distance below z = 3.
    z = np.linspace(0.1, 3.0, 30)
    with_radiation = FlatLambdaCDM(68.0, 0.3, Tcmb0=2.7255).comoving_distance(z)
    without = FlatLambdaCDM(68.0, 0.3, Tcmb0=0.0).comoving_distance(z)
    assert np.abs(with_radiation / without - 1).max() < 1e-3
