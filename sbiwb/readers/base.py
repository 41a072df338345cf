"""What every reader gives: a table of draws, whoever made them."""

from __future__ import annotations

import math
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from sbiwb.core.distributions import Array

DAMAGE = (
    OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What a damaged file may make a reader raise: it is turned into one line that names the file."""


@dataclass(frozen=True)
class Column:
    """A quantity in a table.

    Parameters
    ----------
    name : str
    label : str
        LaTeX without dollar signs; empty if the file gives none.
    unit : str
    support : tuple of float
        Hard bounds of its prior, ±inf where the file gives none.
    sampled : bool
        False for derived quantities, which are shown only if asked for or if another posterior
        has them.
    """

    name: str
    label: str = ""
    unit: str = ""
    support: tuple[float, float] = (-math.inf, math.inf)
    sampled: bool = True


@dataclass(frozen=True)
class Chain:
    """The draws of one chain, in the order in which they were made.

    Parameters
    ----------
    values : ndarray, shape (n, columns)
    weight : ndarray, shape (n,), optional
        Absent if all weigh the same.
    log_prob : ndarray, shape (n,), optional
        Log posterior density, up to a constant.
    """

    values: Array
    weight: Array | None = None
    log_prob: Array | None = None


@dataclass(frozen=True)
class Table:
    """Draws from a file, as they are there.

    Parameters
    ----------
    columns : sequence of Column
    chains : sequence of Chain
        At least one.
    order : {'chain', 'independent'}
        Whether neighbours may be correlated.  A file that does not tell is read as a chain: the
        effective size of draws that happen to be independent comes out right all the same.
    files : sequence of Path
        All files that were read.
    notes : mapping of str to str
        What the reader did, for the table of provenance: for example ``{"burn-in": "500 steps"}``.
    warnings : sequence of str
        What a reader of the report must know.
    log_evidence, log_evidence_err : float, optional
    """

    columns: tuple[Column, ...]
    chains: tuple[Chain, ...]
    order: Literal["chain", "independent"]
    files: tuple[Path, ...]
    notes: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    log_evidence: float | None = None
    log_evidence_err: float | None = None


@dataclass(frozen=True)
class ReadOptions:
    """What a user may have to say.

    Parameters
    ----------
    names : tuple of str, optional
        Parameter names, for formats that hold none.
    burn_in : float, optional
        Start of each chain to leave out: a share below 1, or a number of steps.
    """

    names: tuple[str, ...] | None = None
    burn_in: float | None = None


class Reader(ABC):
    """A format of posterior draws."""

    burns_in: ClassVar[bool] = False
    """Whether the files are chains whose start a user may leave out."""

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Whether the content at `path`, or beside it, is of this format; never raises."""

    def needs_names(self, path: Path) -> bool:  # noqa: ARG002 - most formats hold names
        """Whether the names of the parameters are not in the file; may raise one of `DAMAGE`."""
        return False

    @abstractmethod
    def read(self, path: Path, options: ReadOptions) -> Table:
        """Read the draws.

        Parameters
        ----------
        path : Path
            A file, or the common beginning of the names of several.
        options : ReadOptions

        Returns
        -------
        Table

        Raises
        ------
        DataError
            If the file is not what it seems to be; or one of `DAMAGE`.
        """
