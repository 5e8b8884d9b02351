"""Files what clinicians say about scans: notes, exclusions, corrected masks. It never changes the machine's assessment.

A review is an encrypted blob of its scan, as the pictures are: it opens with the lesion's key alone, moves with the
scan and is destroyed with the lesion.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pydantic import TypeAdapter
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from dermscan.domain import Lesion, LesionMask, Scan
from dermscan.domain.review import Review
from dermscan.errors import HistoryCorrupt, UnknownRecord
from dermscan.history.audit import Action
from dermscan.history.blobs import BLOBS
from dermscan.history.erasure import doom, resume
from dermscan.history.inbox import HistoryInbox
from dermscan.history.pictures import decode_mask, encode_mask
from dermscan.history.reading import known_lesion, wrapped_key
from dermscan.history.records import ScanSummary, lesion_record, scan_summary
from dermscan.history.scan_blobs import blob_rows, sealed_for, unsealed
from dermscan.history.schema import BlobRow, LesionRow, ScanRow, SubjectRow
from dermscan.history.vault import BlobKind, DataKey, Encoding

_REVIEW = TypeAdapter(Review)


@dataclass(frozen=True, slots=True)
class Followed:
    """A lesion in the list of all.

    Attributes:
        lesion: The lesion.
        scans: How many scans it has.
        latest: Its latest scan; None when it has none yet.
    """

    lesion: Lesion
    scans: int
    latest: ScanSummary | None


class HistoryReviews(HistoryInbox):
    """A history whose scans are looked at, talked about and corrected."""

    def followed(self) -> tuple[Followed, ...]:
        """List every lesion that belongs to a subject, the one that was scanned last first."""
        with self._reading() as session:
            lesions = select(LesionRow, SubjectRow.alias).join(SubjectRow)
            rows = session.execute(lesions.where(LesionRow.erased_at.is_(None))).all()
            counted = select(ScanRow.lesion_id, func.count().label("scans")).group_by(ScanRow.lesion_id)
            counts = {row.lesion_id: row.scans for row in session.execute(counted)}
            latest = _latest(session)
            found = [
                Followed(lesion_record(row, alias), counts.get(row.lesion_id, 0), latest.get(row.lesion_id))
                for row, alias in rows
            ]
        return tuple(sorted(found, key=_last_seen, reverse=True))

    def reviews(self, lesion_id: str) -> dict[str, Review]:
        """What was said about a lesion's scans, by scan; scans about which nothing was said are missing.

        Raises:
            UnknownRecord: There is no such lesion.
            HistoryCorrupt: A review was altered or lost.
        """
        with self._reading() as session:
            key = self._vault.unwrap(wrapped_key(session, lesion_id), lesion_id)
            of_lesion = select(BlobRow).join(ScanRow).where(ScanRow.lesion_id == lesion_id)
            rows = session.scalars(of_lesion.where(BlobRow.kind == BlobKind.REVIEW)).all()
        return {row.scan_id: self._read(row, key) for row in rows}

    def review(self, scan_id: str) -> Review:
        """What was said about a scan; an empty review where nothing was.

        Raises:
            UnknownRecord: There is no such scan.
            HistoryCorrupt: The review was altered or lost.
        """
        key, rows = self._blobs_of(scan_id)
        return next((self._read(row, key) for row in rows if row.kind == BlobKind.REVIEW), Review())

    def load_reviewed(self, scan_id: str) -> tuple[Scan, Review]:
        """Decrypt a scan, with the mask and the figures of the correction where it was corrected; `load` audits it.

        Raises:
            UnknownRecord: There is no such scan.
            StorageFull: The disk has no room for the audit log's entry.
            HistoryCorrupt: A picture or the review was altered or lost.
        """
        scan, review = self.load(scan_id), self.review(scan_id)
        mask = self._corrected_mask(scan)
        if mask is None:
            return scan, review
        features = review.features or scan.assessment.features
        return replace(scan, assessment=replace(scan.assessment, mask=mask, features=features)), review

    def file_review(self, scan_id: str, review: Review, corrected: LesionMask | None = None) -> None:
        """Put a review in the place of the one before, entirely or not at all.

        Args:
            scan_id: The scan.
            review: What is said about it.
            corrected: The mask as a clinician corrected it; None leaves the one that is filed.

        Raises:
            UnknownRecord: There is no such scan.
        """
        self._demand_writing()
        key, _ = self._blobs_of(scan_id)
        said = [_REVIEW.dump_json(review)]
        contents: dict[BlobKind, tuple[Encoding, Iterable[bytes]]] = {BlobKind.REVIEW: (Encoding.JSON, said)}
        if corrected is not None:
            contents[BlobKind.CORRECTED_MASK] = (Encoding.BITS, encode_mask(corrected.pixels))
        sealed = sealed_for(scan_id, key, contents)
        action = Action.SCAN_REVIEWED if corrected is None else Action.MASK_CORRECTED
        self._replace(scan_id, key, sealed, action)

    def annotate_lesion(self, lesion_id: str, note: str | None) -> None:
        """Put a note in the place of the lesion's note before; None takes it away.

        Raises:
            UnknownRecord: There is no such lesion.
        """
        with self._writing() as session:
            known_lesion(session, lesion_id).note = note
            self._log.record(session, Action.LESION_ANNOTATED, self.reference("lesion", lesion_id))

    def _replace(self, scan_id: str, key: DataKey, sealed: Mapping[BlobKind, Iterator[bytes]], action: Action) -> None:
        staged = self._blobs.stage(list(sealed.values()))
        with self._decided([blob.name for blob in staged]), self._writing() as session:
            # The scan may have moved to another lesion, or be erased, since its key was read
            if self._key_of(session, scan_id).key_id != key.key_id:
                raise UnknownRecord(kind="scan any more")
            _take_away(session, scan_id, list(sealed))
            session.add_all(blob_rows(scan_id, sealed, staged))
            self._log.record(session, action, self.reference("scan", scan_id))
        resume(self._folder, self._writes)

    def _blobs_of(self, scan_id: str) -> tuple[DataKey, Sequence[BlobRow]]:
        with self._reading() as session:
            key = self._key_of(session, scan_id)
            return key, session.scalars(select(BlobRow).where(BlobRow.scan_id == scan_id)).all()

    def _key_of(self, session: Session, scan_id: str) -> DataKey:
        row = session.get(ScanRow, scan_id)
        if row is None:
            raise UnknownRecord(kind="scan")
        return self._vault.unwrap(wrapped_key(session, row.lesion_id), row.lesion_id)

    def _corrected_mask(self, scan: Scan) -> LesionMask | None:
        key, rows = self._blobs_of(scan.scan_id)
        row = next((row for row in rows if row.kind == BlobKind.CORRECTED_MASK), None)
        if row is None:
            return None
        pixels = decode_mask(*unsealed(row, key, self._blobs))
        if pixels.shape != scan.frame.pixels.shape[:2]:
            raise HistoryCorrupt(problem="a picture does not fit its scan", scan_id=scan.scan_id)
        return LesionMask(pixels, 1.0)

    def _read(self, row: BlobRow, key: DataKey) -> Review:
        _, content = unsealed(row, key, self._blobs)
        try:
            return _REVIEW.validate_json(content)
        except ValueError:
            raise HistoryCorrupt(problem="a review cannot be read", scan_id=row.scan_id) from None


def _latest(session: Session) -> dict[str, ScanSummary]:
    newest = select(ScanRow.lesion_id, func.max(ScanRow.taken_at).label("at")).group_by(ScanRow.lesion_id).subquery()
    same = (ScanRow.lesion_id == newest.c.lesion_id) & (ScanRow.taken_at == newest.c.at)
    return {row.lesion_id: scan_summary(row) for row in session.scalars(select(ScanRow).join(newest, same))}


def _last_seen(entry: Followed) -> datetime:
    return (entry.latest.taken_at if entry.latest else entry.lesion.created_at).astimezone(UTC)


def _take_away(session: Session, scan_id: str, kinds: Sequence[BlobKind]) -> None:
    old = session.scalars(select(BlobRow).where(BlobRow.scan_id == scan_id, BlobRow.kind.in_(kinds))).all()
    doom(session, (f"{BLOBS}/{row.name}" for row in old))
    session.execute(delete(BlobRow).where(BlobRow.name.in_([row.name for row in old])))
    session.flush()
