"""Judges the comparison of two scans on simulated pairs, and writes docs/measurements/evolution.json.

    python models/judge_evolution.py --bundle models/dermscan-0.4.0
    python models/judge_evolution.py --lesions 40 --tune

The pairs are made from pictures of ISIC 2018 and HAM10000: a picture as it is, and the same picture seen again
(`evolving.py`). Other pictures of the same HAM10000 lesion are real other views without growth; pictures of different
lesions must not be taken for one site. Limits are chosen on lesions of the validation part (`--tune` judges those as
well), and only lesions of the test part are reported: no model was trained on either. What is done is kept in the build
folder, a line a pair, and not done again; only numbers are written.
"""

import argparse
import hashlib
import json
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from data import Row, data_folder, read_image, read_mask, read_rows
from dermscan.analysis.pipeline import assess
from dermscan.analysis.runtime import Models, load_models
from dermscan.bundle.loading import load_bundle
from dermscan.domain import Assessment, Frame, LesionMask, Provenance, Quality, RgbImage, RiskBand, Scan
from dermscan.domain.evolution import ChangeBand, Evolution
from dermscan.history.evolution import compare
from dermscan.settings import ModelSettings, QualitySettings
from evolving import Change, as_taken, visit
from summarising import summary, weighed

OUT = Path(__file__).resolve().parents[1] / "docs" / "measurements" / "evolution.json"
SEED = 8
DAYS = 91
MOST_FAILURES = 6
CASES = {
    "unchanged": Change(),
    "grown_10": Change(growth=0.10),
    "grown_25": Change(growth=0.25),
    "grown_50": Change(growth=0.50),
    "one_sided_25": Change(growth=0.25, one_sided=True),
    "over_skin_25": Change(growth=0.25, over_skin=True),
    "darker": Change(darkening=0.25),
    "spot": Change(spot=0.45),
}
AREA_SHARES = (0.02, 0.25)
"""Shares of the picture that a lesion covers to be taken: smaller ones have few pixels, larger ones leave no skin."""
REACH = 0.95
"""Share of the half side that the largest simulated lesion reaches."""
HALVES = {"test": "reported", "validation": "tuned"}
"""What a part of the split is used for here."""
BY_BUNDLE = ("unchanged", "grown_10", "grown_25", "over_skin_25", "grown_50", "other_view")
"""What is judged with the masks of a bundle, which take most of the time."""
FIRST = datetime(2026, 1, 5, tzinfo=UTC)
Json = dict[str, Any]


def main() -> None:
    """Judge what is not judged yet, then sum up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lesions", type=int, default=12, help="Lesions of each set and each half.")
    parser.add_argument("--tune", action="store_true", help="Also judge the half on which limits are chosen.")
    parser.add_argument("--bundle", type=Path, help="Also judge with the masks of this model bundle.")
    parser.add_argument("--minutes", type=float, default=1e6, help="Stop after this long; run again to go on.")
    parser.add_argument("--folder", type=Path, default=Path("build/evolution"))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    until = time.monotonic() + 60 * arguments.minutes
    rows = read_rows(data_folder())
    named: Json = {}
    tasks = _tasks(rows, arguments.lesions, ("reported", "tuned") if arguments.tune else ("reported",))
    kept = {"labelled": judged(tasks, arguments.folder / "labelled.jsonl", None, until)}
    if arguments.bundle is not None:
        bundle = load_bundle(arguments.bundle)
        models = load_models(bundle, ModelSettings())
        named["bundle"] = bundle.manifest.name
        tasks = [task for task in tasks if task[0] in BY_BUNDLE]
        path = arguments.folder / f"{bundle.manifest_hash[:12]}.jsonl"
        kept["automatic"] = judged(tasks, path, models, until)
    failures = _failures(kept["labelled"], {row.image_id: row for row in rows})
    OUT.write_text(json.dumps(named | summary(kept) | {"failures": failures}, indent=1) + "\n", encoding="utf-8")


Task = tuple[str, Row, Row]


def judged(tasks: list[Task], path: Path, models: Models | None, until: float) -> list[Json]:
    """Every pair's figures: those of the file, and as many more as there is time for."""
    done = {}
    if path.exists():
        with path.open(encoding="utf-8") as stream:
            done = {entry["key"]: entry for entry in map(json.loads, stream)}
    keys = set()
    with path.open("a", encoding="utf-8") as stream, Progress() as progress:
        for task in progress.track(tasks, description=path.stem):
            key = f"{task[0]}/{task[1].image_id}/{task[2].image_id}"
            keys.add(key)
            if key not in done and time.monotonic() < until:
                done[key] = {"key": key, **_judged(*task, models)}
                stream.write(json.dumps(done[key]) + "\n")
                stream.flush()
    return [entry for key, entry in done.items() if key in keys]


def _tasks(rows: list[Row], lesions: int, halves: tuple[str, ...]) -> list[Task]:
    """Lesion by lesion, all sets and halves in turn: its simulated pairs, another lesion, another view of a third."""
    order = np.random.default_rng(SEED).permutation(len(rows))
    shuffled = [rows[index] for index in order if HALVES.get(rows[index].part) in halves]
    views = iter(_other_views(shuffled))
    columns = [_chosen(shuffled, folder, half, lesions + 1) for half in halves for folder in ("isic2018", "ham224")]
    tasks = []
    for number in range(lesions):
        for column in columns:
            row, other = column[number], column[number + 1]
            tasks += [(case, row, row) for case in CASES] + [("other_lesion", row, other)]
            tasks += [("other_view", *pair) for pair in (next(views, None),) if pair is not None]
    return tasks


def _chosen(shuffled: list[Row], folder: str, half: str, most: int) -> list[Row]:
    fitting = (row for row in shuffled if row.folder == folder and HALVES[row.part] == half and _fits(row))
    return [row for row, _ in zip(fitting, range(most), strict=False)]


def _other_views(shuffled: list[Row]) -> list[tuple[Row, Row]]:
    views: dict[str, list[Row]] = {}
    for row in shuffled:
        if row.folder == "ham200":
            views.setdefault(row.lesion_id, []).append(row)
    return [(several[0], several[1]) for several in views.values() if len(several) > 1]


def _fits(row: Row) -> bool:
    """Whether a lesion, grown by a half and seen larger, still lies within the frame."""
    mask = read_mask(row.mask)
    if not AREA_SHARES[0] <= mask.mean() <= AREA_SHARES[1]:
        return False
    rows, columns = np.nonzero(mask)
    far = float(np.hypot(rows - rows.mean(), columns - columns.mean()).max())
    off = max(abs(rows.mean() / mask.shape[0] - 0.5), abs(columns.mean() / mask.shape[1] - 0.5))
    return far * np.sqrt(1.5) * 1.15 < REACH * min(mask.shape) / 2 and off < 0.15


def _judged(case: str, first: Row, second: Row, models: Models | None) -> Json:
    """Figures of one pair."""
    random = _random(f"{SEED} {case} {first.image_id}")
    pixels, mask = read_image(first.image), read_mask(first.mask)
    truth: Json = {"half": HALVES[first.part], "set": first.folder, "case": case, "true_growth": 0.0}
    if case in CASES:
        seen = visit(pixels, mask, CASES[case], random)
        after, mask_after = seen.pixels, seen.mask
        truth |= {"true_growth": seen.growth, "true_scale": seen.scale, "nominal": CASES[case].growth}
    else:
        after, mask_after = read_image(second.image), read_mask(second.mask)
    scans = _baseline(first, models), _scan(after, mask_after, DAYS, models)
    found = compare(*scans)
    wrong = _misplaced(found, seen.matrix, mask) if case in CASES else None
    return truth | {"misplaced": wrong, "dice_masks": _dices(scans, (mask, mask_after))} | _figures(found)


def _random(text: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


@lru_cache(maxsize=1)
def _baseline(row: Row, models: Models | None) -> Scan:
    """The first scan of a lesion, assessed once for all its pairs."""
    pixels = as_taken(read_image(row.image), _random(f"{SEED} baseline {row.image_id}"))
    return _scan(pixels, read_mask(row.mask), 0, models)


def _scan(pixels: RgbImage, mask: NDArray[np.bool_], days: int, models: Models | None) -> Scan:
    frame = Frame(pixels, 0, 0.0, FIRST + timedelta(days=days))
    if models is None:
        quality = Quality(9, 0.5, 0, 0, 0.2)
        said = Assessment(quality, None, LesionMask(mask, 1.0), None, {}, None, None, RiskBand.LOW, None)
    else:
        said = assess(frame, models, QualitySettings())
    return Scan("", frame, said, Provenance("", "", "", ""), "")


def _misplaced(found: Evolution, matrix: NDArray[np.float64], mask: NDArray[np.bool_]) -> float | None:
    """How far the lesion's bounding box is laid from where it is, root mean square, share of the longer side."""
    if found.registration is None:
        return None
    left, upper, wide, high = cv2.boundingRect(mask.astype(np.uint8))
    corners = np.array([[x, y] for x in (left, left + wide) for y in (upper, upper + high)], np.float64)
    there = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    laid = np.array(found.registration.matrix)
    apart = there @ laid[:, :2].T + laid[:, 2] - corners
    return float(np.sqrt((apart**2).sum(axis=1).mean())) / max(mask.shape)


def _dices(scans: tuple[Scan, Scan], truths: tuple[NDArray[np.bool_], NDArray[np.bool_]]) -> list[float]:
    return [_dice(scan.assessment.mask, truth) for scan, truth in zip(scans, truths, strict=True)]


def _dice(mask: LesionMask | None, truth: NDArray[np.bool_]) -> float:
    if mask is None:
        return 0.0
    return 2 * float((mask.pixels & truth).sum()) / float(mask.pixels.sum() + truth.sum())


def _failures(judged: list[Json], rows: dict[str, Row]) -> list[Json]:
    """Outlines, laid over each other, of unchanged lesions of the reported half that are called changed."""
    wrong = [
        row
        for row in judged
        if row["half"] == "reported"
        and row["case"] in {"unchanged", "other_view"}
        and weighed(row)[0] is ChangeBand.CHANGED
    ]
    return [_outlines(row, rows) for row in wrong[:MOST_FAILURES]]


def _outlines(row: Json, rows: dict[str, Row]) -> Json:
    _, first, second = row["key"].split("/")
    laid = np.array(row["registration"]["matrix"])
    follow_up = _outline(read_mask(rows[second].mask)) @ laid[:, :2].T + laid[:, 2]
    baseline = _outline(read_mask(rows[first].mask))
    return {
        "reasons": list(weighed(row)[1]),
        "area": row["growth"]["area"],
        "baseline": baseline.round(1).tolist(),
        "follow_up": follow_up.round(1).tolist(),
    }


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return max(contours, key=cv2.contourArea)[:, 0].astype(np.float64)


def _figures(found: Evolution) -> Json:
    color = None if found.color is None else {key: getattr(found.color, key) for key in COLOR_FIGURES}
    return {
        "band": found.band,
        "reasons": list(found.reasons),
        "registration": None if found.registration is None else asdict(found.registration),
        "growth": None if found.growth is None else asdict(found.growth),
        "contour": None if found.contour is None else asdict(found.contour),
        "color": color,
    }


COLOR_FIGURES = ("overall", "lightness", "focal_share", "new_colors")


if __name__ == "__main__":
    main()
