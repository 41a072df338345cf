"""Small genuine files of other programs, written by the program itself where it is at hand."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

NAMES = ("Om", "H0")


def draws(seed=0, n=400, shift=0.0):
    """Independent draws of two correlated parameters, (n, 2)."""
    z = np.random.default_rng(seed).standard_normal((n, 2))
    return np.column_stack([0.3 + 0.01 * (z[:, 0] + shift), 70 + 0.5 * z[:, 0] + z[:, 1]])


CHAINS = [draws(1, 300), draws(2, 500)]
COUNTS = [
    np.random.default_rng(k).integers(1, 6, len(c)).astype(float) for k, c in enumerate(CHAINS)
]


def write_csv(path, theta, *, weight=None, names=NAMES, comment="# made up\n"):
    columns = theta if weight is None else np.column_stack([theta, weight])
    header = ",".join([*names, *([] if weight is None else ["weight"])])
    rows = "".join(",".join(f"{v:.17g}" for v in row) + "\n" for row in columns)
    path.write_text(f"{comment}{header}\n{rows}")
    return path


def write_getdist(root, chains, *, weights=None, derived=True):
    """As `getdist.MCSamples.saveAsText` writes: weight, −log posterior, parameters."""
    for k, theta in enumerate(chains):
        weight = np.ones(len(theta)) if weights is None else weights[k]
        extra = [2 * theta[:, :1]] if derived else []
        lp = np.sum(theta**2, axis=1) / 2
        np.savetxt(f"{root}_{k + 1}.txt", np.hstack([weight[:, None], lp[:, None], theta, *extra]))
    lines = ["Om\t\\Omega_m", "H0\tH_0 # km/s/Mpc", *(["twice*\t2\\Omega_m"] if derived else [])]
    Path(f"{root}.paramnames").write_text("\n".join(lines) + "\n")
    Path(f"{root}.ranges").write_text("  Om   N   5.0000000E+00\n  H0  2.0E+01  1.0E+02\n")
    return Path(root)


def write_cobaya(root, chains, *, weights=None, latex=r"\Omega_\mathrm{m}", temperature=1):
    header = "weight minuslogpost Om H0 twice minuslogprior minuslogprior__0 chi2 chi2__bao"
    for k, theta in enumerate(chains):
        n = len(theta)
        weight = np.ones(n) if weights is None else weights[k]
        lp = np.sum(theta**2, axis=1) / 2
        rest = np.tile([1.0, 1.0, 3.0, 3.0], (n, 1))
        table = np.column_stack([weight, lp, theta, 2 * theta[:, 0], rest])
        np.savetxt(f"{root}.{k + 1}.txt", table, header=header.replace(" ", "  "), comments="#  ")
    params = {
        "Om": {"prior": {"min": 0.1, "max": 0.9}, "ref": 0.3, "latex": latex},
        "H0": {"prior": {"dist": "norm", "loc": 70, "scale": 5}, "latex": "H_0"},
        "twice": {"derived": "lambda Om: 2*Om"},
        "mnu": {"value": 0.06},
    }
    # JSON is YAML.
    info = {"params": params, "sampler": {"mcmc": {"temperature": temperature}}}
    Path(f"{root}.updated.yaml").write_text(json.dumps(info))
    return Path(root)


def write_emcee(path, steps=300, walkers=8, seed=0):
    """A Gaussian chain by emcee itself, started ten widths away from the posterior."""
    import emcee

    rng = np.random.default_rng(seed)
    backend = emcee.backends.HDFBackend(str(path))
    sampler = emcee.EnsembleSampler(
        walkers, 2, lambda t: -0.5 * np.sum(t**2, axis=1), backend=backend, vectorize=True
    )
    sampler.random_state = np.random.RandomState(seed).get_state()
    sampler.run_mcmc(10 + 0.1 * rng.standard_normal((walkers, 2)), steps)
    return path


def write_bilby(path, theta, *, text_column=True):
    """The JSON or HDF5 of a bilby result, by bilby itself."""
    import bilby
    import pandas as pd

    frame = pd.DataFrame(theta, columns=list(NAMES))
    frame["chirp"] = 2 * theta[:, 0]
    frame["fixed"] = 1.5
    frame["log_likelihood"] = -0.5 * np.sum(theta**2, axis=1)
    frame["log_prior"] = 0.0
    if text_column:
        frame["approximant"] = "IMRPhenomD"
    priors = bilby.core.prior.PriorDict(
        {
            "Om": bilby.core.prior.Uniform(0, 1, "Om", latex_label=r"$\Omega_m$", unit="none"),
            "H0": bilby.core.prior.Gaussian(70, 5, "H0"),
        }
    )
    result = bilby.core.result.Result(
        label="run", outdir=str(path.parent), sampler="dynesty", posterior=frame, priors=priors,
        search_parameter_keys=list(NAMES), log_evidence=-3.2, log_evidence_err=0.1,
    )  # fmt: skip
    result.save_to_file(filename=str(path), extension=path.suffix.removeprefix("."))
    return path


def write_arviz(path, theta, *, old=False):
    """InferenceData as ArviZ 0.x wrote it, or a DataTree; theta (chain, draw, 2)."""
    posterior = {"Om": theta[..., 0], "v": theta[..., 1:]}
    lp = {"lp": -0.5 * np.sum(theta**2, axis=-1)}
    if old:
        from arviz import from_dict

        from_dict(posterior=posterior, sample_stats=lp).to_netcdf(str(path))
    else:
        from arviz_base import from_dict

        from_dict({"posterior": posterior, "sample_stats": lp}).to_netcdf(path, engine="h5netcdf")
    return path


def write_cmdstan(root, chains, *, warmup=0):
    for k, theta in enumerate(chains):
        head = (
            "# stan_version_major = 2\n# method = sample (Default)\n"
            f"#     num_warmup = {warmup or 1000}\n#     save_warmup = {int(warmup > 0)}\n"
            "#     thin = 1 (Default)\n"
            "lp__,accept_stat__,stepsize__,Om,v.1\n# Adaptation terminated\n# Step size = 0.9\n"
        )
        rows = [f"{-0.5 * t @ t},0.9,0.8,{t[0]!r},{t[1]!r}\n" for t in theta.astype(object)]
        Path(f"{root}_{k + 1}.csv").write_text(head + "".join(rows) + "# Elapsed Time: 0.1\n")
    return Path(root)


def write_npz(path, theta):
    np.savez(path, Om=theta[:, 0], H0=theta[:, 1], log_prob=-0.5 * np.sum(theta**2, axis=1))
    return path


def write_object_array(path):
    """An array that only a pickle can hold."""
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return path


def cut(path, share=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path


def several_samplers(path):
    with h5py.File(path, "w") as file:
        for name in ("one", "two"):
            group = file.create_group(name)
            group.attrs.update({"nwalkers": 2, "ndim": 1, "iteration": 1})
    return path
