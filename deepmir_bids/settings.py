"""Every option of a run, in one frozen object that is passed along, never imported."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from deepmir_bids import INPUTS

#: The model that is shipped.
DEFAULT_MODEL = 'default'
#: Its thresholds that are used.
DEFAULT_POINT = 'balanced'


@dataclass(frozen=True)
class Settings:
    """Options of ``deepmir BIDS OUT participant|group``, under their command line names.

    Every path is absolute; ``model`` and ``atlas`` are a name, or the absolute path of a folder or
    file. ``anew`` is whether ``reports_only`` came with an option that says what a lesion is.
    """

    bids_dir: Path
    out_dir: Path
    work_dir: Path
    analysis_level: str = 'participant'
    participant_label: tuple[str, ...] = ()
    session_label: tuple[str, ...] = ()
    bids_filter_file: Path | None = None
    skip_bids_validation: bool = False
    bids_database_dir: Path | None = None
    derivatives: dict[str, Path] = field(default_factory=dict)
    brain_mask_from: dict[str, Path] = field(default_factory=dict)
    model: str = DEFAULT_MODEL
    inputs: tuple[str, ...] = INPUTS
    qsm_scale: str = 'auto'
    reconstruct: str = 'never'
    reconstruct_only: bool = False
    echo_times: tuple[float, ...] = ()
    field_strength: float | None = None
    operating_point: str = DEFAULT_POINT
    threshold_cmb: float | None = None
    threshold_iron: float | None = None
    min_volume: float | None = None
    template: str = 'MNI152NLin2009cAsym'
    atlas: str = 'HOSPA'
    atlas_labels: Path | None = None
    device: str = 'auto'
    nprocs: int = 1
    omp_nthreads: int = 1
    mem_gb: float | None = None
    use_plugin: Path | None = None
    clean_workdir: bool = False
    stop_on_first_crash: bool = False
    reports_only: bool = False
    anew: bool = False
    dry_run: bool = False
    report: Path | None = None
    sloppy: bool = False
    verbose: int = 0
    by: tuple[str, ...] = ()
    allow_mixed: bool = False

    @property
    def datasets(self) -> dict[str, Path]:
        """Name and root of every dataset that is read, ``raw`` first."""
        return {'raw': self.bids_dir, **self.derivatives, **self.brain_mask_from}

    def to_toml(self) -> str:
        """The settings as TOML; options that were not given are left out."""
        import tomli_w

        return tomli_w.dumps(_plain(asdict(self)))


def _plain(value):
    """Reduce to what TOML knows: no None, no Path, no tuple."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
