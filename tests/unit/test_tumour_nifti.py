"""A user's own NIfTI files: resampled as stated, refused where they cannot be right."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")
pytest.importorskip("nilearn")
pytest.importorskip("nibabel")

import nibabel

import sbiwb
from sbiwb.errors import DataError, UsageError
from sbiwb.simulators.tumour.fisher_kolmogorov import FisherKolmogorov
from sbiwb.simulators.tumour.nifti import read_images, write_image

CENTRE, RADIUS = np.array([29.0, -21.0, 20.0]), 18.0


def ball(path, spacing=1.0, radius=RADIUS, centre=CENTRE, flip=False, value=1.0):
    """A ball in template space, on a grid of another spacing, origin and orientation."""
    shape = np.array([60, 62, 64])
    affine = np.diag([-spacing if flip else spacing, spacing, spacing, 1.0])
    middle = affine[:3, :3] @ (shape / 2.0)
    affine[:3, 3] = centre - middle + 0.3
    mesh = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"))
    place = np.tensordot(affine[:3, :3], mesh, axes=1) + affine[:3, 3].reshape(3, 1, 1, 1)
    inside = np.sum((place - centre.reshape(3, 1, 1, 1)) ** 2, axis=0) < radius**2
    nibabel.save(nibabel.Nifti1Image((value * inside).astype(np.float32), affine), path)
    return path


@pytest.fixture(scope="module")
def brain_outlines():
    return FisherKolmogorov(dimensions=3, channels=["t1gd", "flair"])


@pytest.mark.parametrize("flip", [False, True])
def test_volumes_and_places_survive(tmp_path, brain_outlines, flip):
    files = {
        "t1gd": ball(tmp_path / "core.nii.gz", radius=12.0, flip=flip),
        "flair": ball(tmp_path / "oedema.nii.gz", flip=flip),
    }
    x = read_images(brain_outlines, files).x
    anatomy = brain_outlines.anatomy
    mesh = np.stack(np.meshgrid(*anatomy.axes, indexing="ij"))[:, anatomy.tissue] * 10
    for row, radius in zip(x, (12.0, RADIUS), strict=True):
        # Where there is tissue, the outline is the ball but for voxels that its surface cuts.
        distance = np.linalg.norm(mesh - CENTRE[:, np.newaxis], axis=0)
        assert np.all(row[distance < radius - 3.5] == 1)
        assert np.all(row[distance > radius + 3.5] == 0)
        expected = np.sum(distance < radius)
        assert row.sum() == pytest.approx(expected, rel=0.05)


def test_pet_is_averaged_and_scaled(tmp_path):
    simulator = FisherKolmogorov(channels=["pet"])
    file = ball(tmp_path / "fet.nii.gz", value=3.0)
    x = read_images(simulator, {"pet": file}, pet_scale=2.0).x
    assert x.max() == pytest.approx(1.5)
    assert np.any((x > 0.1) & (x < 1.4))  # the surface is averaged, not thresholded


def test_what_is_written_is_read_back(tmp_path):
    simulator = FisherKolmogorov(dimensions=3)
    drawn = simulator.default_observation().x
    files = {}
    for channel, image in zip(simulator.images.channels, drawn, strict=True):
        files[channel] = tmp_path / f"{channel}.nii.gz"
        write_image(simulator.anatomy, image, files[channel])
    observed = read_images(simulator, files, pet_scale=1.0)
    assert np.array_equal(observed.x[:2], drawn[:2])
    problem = sbiwb.problem(simulator, observation=observed)
    assert "t1gd.nii.gz (SHA-256 " in problem.observation.source
    with pytest.raises(UsageError, match="one value for each voxel"):
        write_image(simulator.anatomy, drawn, tmp_path / "all.nii.gz")


def test_summaries_of_files(tmp_path):
    simulator = FisherKolmogorov(channels=["flair"], output="summary")
    x = read_images(simulator, {"flair": ball(tmp_path / "oedema.nii")}).x
    value = dict(zip(simulator.output.names, x, strict=True))
    assert value["flair x"] == pytest.approx(2.9, abs=0.2)
    assert value["flair y"] == pytest.approx(-2.1, abs=0.2)


def test_a_mask_in_another_space_is_refused(tmp_path, brain_outlines):
    far = ball(tmp_path / "far.nii", centre=np.array([70.0, 40.0, 60.0]))
    core = ball(tmp_path / "core.nii", radius=8.0)
    with pytest.raises(DataError, match=r"far.nii lies outside the brain; got \d+ of \d+ voxels"):
        read_images(brain_outlines, {"t1gd": core, "flair": far})
    beyond = ball(tmp_path / "beyond.nii", centre=np.array([900.0, 0.0, 0.0]))
    with pytest.raises(DataError, match="does not overlap the brain"):
        read_images(brain_outlines, {"t1gd": core, "flair": beyond})


def test_bad_files_and_channels_are_refused(tmp_path, brain_outlines):
    core = ball(tmp_path / "core.nii")
    with pytest.raises(UsageError, match="files do not match the channels; got flair"):
        read_images(brain_outlines, {"flair": core})
    (tmp_path / "text.nii").write_text("no image")
    with pytest.raises(DataError, match="cannot read"):
        read_images(brain_outlines, {"t1gd": core, "flair": tmp_path / "text.nii"})
    with pytest.raises(DataError, match="cannot read"):
        read_images(brain_outlines, {"t1gd": core, "flair": tmp_path / "none.nii"})
    with pytest.raises(UsageError, match="PET needs pet_scale"):
        read_images(FisherKolmogorov(channels=["pet"]), {"pet": core})
    series = nibabel.Nifti1Image(np.zeros((4, 4, 4, 2)), np.eye(4))
    nibabel.save(series, tmp_path / "series.nii")
    with pytest.raises(DataError, match="expected three axes"):
        read_images(brain_outlines, {"t1gd": core, "flair": tmp_path / "series.nii"})
