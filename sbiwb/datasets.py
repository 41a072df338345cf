"""Data files that simulators need: where they come from, where they are, what they must hash to.

Each domain has a table ``datasets.yaml`` in its folder of `sbiwb.simulators`.  A file is looked for
in that folder (small tables of published figures come with the package), in the domain's folder of
``SBIWB_DATA``, and among the downloads.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sbiwb.errors import DataError, unknown_name
from sbiwb.safe_yaml import read_yaml

FOLDER = "SBIWB_DATA"


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Parameters
    ----------
    domain : Path
        Folder of the table that names it.
    path : str
        Relative to that folder and to those of the same name in ``SBIWB_DATA`` and the cache.
    sha256 : str
        Hash of its content.
    url : str, optional
        Where it can be downloaded.
    """

    domain: Path
    path: str
    sha256: str
    url: str | None = None

    def find(self) -> Path | None:
        """Where the file is; None if it is nowhere."""
        return next((f / self.path for f in self._folders() if (f / self.path).is_file()), None)

    def state(self) -> str:
        """``good``, ``damaged`` or ``absent``."""
        found = self.find()
        if found is None:
            return "absent"
        return "good" if sha256(found) == self.sha256 else "damaged"

    def get(self) -> Path:
        """Return the file, downloaded if need be, with its content verified.

        Raises
        ------
        DataError
            If it is damaged, nowhere to be had, or cannot be downloaded.
        """
        found = self.find() or self._download()
        actual = sha256(found)
        if actual != self.sha256:
            raise DataError(
                f"{found} is not the file that was published",
                got=f"SHA-256 {actual[:12]}…",
                expected=f"{self.sha256[:12]}…",
                remedy="delete it, so that it is had again",
            )
        return found

    def _download(self) -> Path:
        if self.url is None:
            raise DataError(
                f"{self.path} is not here and has no address to download it from",
                remedy=f"put it at ${FOLDER}/{self.domain.name}/{self.path}",
            )
        import pooch

        *_, downloads = self._folders()
        target = downloads / self.path
        try:
            pooch.retrieve(
                self.url, f"sha256:{self.sha256}", fname=target.name, path=str(target.parent)
            )
        except (OSError, ValueError) as error:  # requests' errors are OSErrors
            raise DataError(
                f"cannot download {self.path}",
                got=error,
                remedy=f"fetch {self.url} by hand to ${FOLDER}/{self.domain.name}/{self.path}",
            ) from error
        return target

    def _folders(self) -> Iterator[Path]:
        yield self.domain
        if os.environ.get(FOLDER):
            yield Path(os.environ[FOLDER], self.domain.name)
        import pooch  # only now: it takes half a second

        yield Path(pooch.os_cache("sbiwb"), self.domain.name)


@dataclass(frozen=True)
class Dataset:
    """A published data set.

    Parameters
    ----------
    name : str
        Domain and name, for example ``cosmology.desi_dr2``.
    title, source, licence : str
        What it is, where it was published and how it may be used.
    files : tuple of DataFile
    """

    name: str
    title: str
    source: str
    licence: str
    files: tuple[DataFile, ...]


def datasets() -> dict[str, Dataset]:
    """All data sets by name, from the tables of the domains."""
    spec = importlib.util.find_spec("sbiwb.simulators")
    folders = [Path(f) for f in (spec.submodule_search_locations or [])] if spec else []
    tables = sorted(table for folder in folders for table in folder.glob("*/datasets.yaml"))
    found = [entry for table in tables for entry in _read(table)]
    return {entry.name: entry for entry in found}


def dataset(name: str) -> Dataset:
    """Return the data set called `name`.

    Raises
    ------
    UsageError
        If there is none.
    """
    known = datasets()
    if name not in known:
        raise unknown_name("data set", name, known)
    return known[name]


def sha256(path: Path) -> str:
    """Hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(table: Path) -> list[Dataset]:
    content: dict[str, Any] = read_yaml(table.read_text("utf-8"), str(table))
    return [
        Dataset(
            name=f"{table.parent.name}.{name}",
            title=entry["title"],
            source=entry["source"],
            licence=entry["licence"],
            files=tuple(
                DataFile(table.parent, path, file["sha256"], file.get("url"))
                for path, file in entry["files"].items()
            ),
        )
        for name, entry in content.items()
    ]
