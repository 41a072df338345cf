"""Type Ia supernovae: distance moduli whose common offset is unknown."""

from __future__ import annotations

from typing import Any

from .probe import Prediction, Probe, differences
from .tables import table

# The node at z = 0.25 is the one whose differences from the others have the smallest errors.
REFERENCE = 4


def union3() -> Probe:
    """Union3's 22 nodes as 21 differences of distance moduli from that at z = 0.25.

    Absolute magnitude and Hubble constant move all distance moduli together.  The usual way is to
    integrate the likelihood over that offset under a flat prior,

        −2 ln L = rᵀC⁻¹r − (1ᵀC⁻¹r)² / 1ᵀC⁻¹1 + constant

    with residuals r and covariance C of the moduli.  This is no density over the moduli, as the
    offset's prior has no norm, and nothing could be simulated from it.  Differences from one of
    the nodes do not contain the offset, and their Gaussian density, with covariance DᵀCD, is
    that expression to the last constant, whichever node is the reference: here it is normalised
    over the 21 differences.  The offset is thus marginalised exactly, its prior has no width to
    be chosen, and networks need not learn to ignore it.  Evidences are those of the differences;
    any other convention moves them by the same number for all models.

    References
    ----------
    Rubin et al., Union Through UNITY, arXiv:2311.12098.
    """
    nodes = table("union3_nodes")
    z, modulus = nodes.T
    contrast = differences(REFERENCE, len(z))

    def prepare(xp: Any) -> Prediction:
        stretch = xp.asarray(1 + z)
        to_differences = xp.asarray(contrast)

        def predict(across: Any, _along: Any, _scales: Any) -> Any:
            return (5 * xp.log10(stretch * across)) @ to_differences

        return predict

    others = [at for k, at in enumerate(z) if k != REFERENCE]
    return Probe(
        "Union3",
        "Rubin et al., Union Through UNITY, arXiv:2311.12098",
        z,
        modulus @ contrast,
        contrast.T @ table("union3_covariance") @ contrast,
        tuple(f"mu(z={at:.4g})-mu(z={z[REFERENCE]:g})" for at in others),
        prepare,
        unit="mag",
        measures="union3",
    )
