"""Classifier two-sample test: how well a classifier tells two sets of draws apart."""

from __future__ import annotations

import math

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.errors import DataError
from sbiwb.execute.threads import one_thread

LEAST_DRAWS = 50
_FOLDS = 5
# One rule for every quick score: the published classifier, stopped when its held-out score stalls.
_QUICK = {"early_stopping": True, "n_iter_no_change": 5, "learning_rate_init": 1e-2}
_QUICK_BATCH = 500


def c2st(a: Array, b: Array, *, seed: int = 1, quick: bool = False) -> float:
    """Accuracy of a classifier that tells draws `a` from draws `b`: 0.5 if they are alike.

    Parameters
    ----------
    a, b : ndarray, shapes (n, d) and (m, d)
        Independent, equally weighted draws.  The longer set is cut to the length of the shorter,
        so that guessing scores 0.5.  Columns are standardised by the moments of `a`.
    seed : int
        Seeds the folds and the networks.
    quick : bool
        False trains until the training loss stops falling, as in the published benchmark: use it
        for scores that are compared with published ones.  True holds out a tenth of the training
        draws and stops when their score stops rising.

    Returns
    -------
    float
        Mean accuracy over five folds.  `c2st_noise` is its spread for equal distributions.

    Raises
    ------
    DataError
        If the shapes do not match, there are fewer than 50 draws, or a column of `a` is constant.

    References
    ----------
    Lopez-Paz & Oquab (2017), arXiv 1610.06545, for the test; Lueckmann et al. (2021), arXiv
    2101.04653, for the classifier: two hidden layers of 10 d rectified units, Adam, five folds.
    """
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    n = min(len(a), len(b))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise DataError(
            "C2ST needs two sets of draws of the same parameters",
            got=f"{a.shape} and {b.shape}",
            expected="(n, d) and (m, d)",
        )
    if n < LEAST_DRAWS:
        raise DataError(
            "C2ST needs more draws", got=n, expected=f"at least {LEAST_DRAWS} in each set"
        )
    scale = np.std(a[:n], axis=0, ddof=1)
    if not np.all(scale > 0):
        raise DataError("C2ST of draws with a constant column", got=np.flatnonzero(scale == 0))
    points = (np.concatenate([a[:n], b[:n]]) - np.mean(a[:n], axis=0)) / scale
    labels = np.repeat([0, 1], n)
    width = 10 * a.shape[1]
    classifier = MLPClassifier(
        hidden_layer_sizes=(width, width),
        activation="relu",
        solver="adam",
        max_iter=10_000,
        random_state=seed,
        **({**_QUICK, "batch_size": min(_QUICK_BATCH, n)} if quick else {}),
    )
    folds = KFold(n_splits=_FOLDS, shuffle=True, random_state=seed)
    with one_thread():  # more threads only wait for each other in nets of this size
        scores = cross_val_score(classifier, points, labels, cv=folds, error_score="raise")
    return float(np.mean(scores))


def c2st_noise(n: int) -> float:
    """Standard deviation of `c2st` between two sets of `n` draws of one distribution.

    Each of 2 n draws is classified once, right with probability one half.
    """
    return 0.5 / math.sqrt(2 * n)
