"""The tables of the history as SQLAlchemy classes. They never leave this room: reads give the records of `records`."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Dialect, ForeignKey, Index, LargeBinary, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

SCHEMA_VERSION = 3
"""Number of the newest migration; its revision is the same number in four digits."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """A time in UTC, kept as whole microseconds since 1970, so that it sorts and comes back exactly."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuse a time without a zone: it would be a guess."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            message = "a time in the history names its time zone"
            raise ValueError(message)
        return (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Give the time back in UTC."""
        del dialect
        return None if value is None else EPOCH + value * MICROSECOND


class Base(DeclarativeBase):
    """What the tables share: named constraints, so that a later migration can alter them, and UTC times."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcTime()}  # noqa: RUF012 - SQLAlchemy declares it as an instance's attribute


class SubjectRow(Base):
    """A person by a pseudonymous alias, never by name."""

    __tablename__ = "subject"

    subject_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    alias: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]


class LesionRow(Base):
    """One spot on one person, with the wrapped key of its pictures. Without a subject it waits in the inbox.

    An erased lesion's row stays as a tombstone: its identifier and two times, and nothing else.
    """

    __tablename__ = "lesion"

    lesion_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    subject_id: Mapped[str | None] = mapped_column(ForeignKey("subject.subject_id"), index=True)
    anatomic_site: Mapped[str | None] = mapped_column(String(64))
    laterality: Mapped[str | None] = mapped_column(String(1))
    note: Mapped[str | None] = mapped_column(Text)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    baseline_scan_id: Mapped[str | None] = mapped_column(String(36))


class ScanRow(Base):
    """One scan: when, by what, what was measured and what was said. Structured figures are JSON objects."""

    __tablename__ = "scan"
    __table_args__ = (Index(None, "lesion_id", "taken_at"),)

    scan_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    lesion_id: Mapped[str] = mapped_column(ForeignKey("lesion.lesion_id"))
    taken_at: Mapped[datetime] = mapped_column(index=True)
    filed_at: Mapped[datetime]
    device: Mapped[str] = mapped_column(String(64))
    frame_width: Mapped[int]
    frame_height: Mapped[int]
    frame_sequence: Mapped[int] = mapped_column(BigInteger)
    frame_monotonic_s: Mapped[float]
    mm_per_pixel: Mapped[float | None]
    quality: Mapped[str] = mapped_column(Text)
    roi: Mapped[str | None] = mapped_column(Text)
    mask_confidence: Mapped[float | None]
    features: Mapped[str | None] = mapped_column(Text)
    probabilities: Mapped[str] = mapped_column(Text)
    risk: Mapped[float | None]
    pre_malignant: Mapped[float | None]
    band: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str | None] = mapped_column(String(32))
    bundle_id: Mapped[str] = mapped_column(String(128))
    bundle_hash: Mapped[str] = mapped_column(String(64))
    software_version: Mapped[str] = mapped_column(String(64))
    settings_hash: Mapped[str] = mapped_column(String(64))
    camera: Mapped[str | None] = mapped_column(Text)
    calibration_id: Mapped[str | None] = mapped_column(String(64))


class BlobRow(Base):
    """One encrypted picture of a scan: its file, and what the file must be."""

    __tablename__ = "blob"
    __table_args__ = (UniqueConstraint("scan_id", "kind"),)

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    scan_id: Mapped[str] = mapped_column(ForeignKey("scan.scan_id"))
    kind: Mapped[str] = mapped_column(String(32))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))


class TicketRow(Base):
    """A one-time permission to scan a known lesion. Only the ticket's hash is here."""

    __tablename__ = "ticket"

    ticket_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    lesion_id: Mapped[str | None] = mapped_column(ForeignKey("lesion.lesion_id"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class AuditRow(Base):
    """One entry of the audit log. A trigger keeps it from being changed or deleted."""

    __tablename__ = "audit"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(32))
    reference: Mapped[str | None] = mapped_column(String(48))
    amount: Mapped[int | None] = mapped_column(BigInteger)
    chain: Mapped[bytes] = mapped_column(LargeBinary(32))


class AuditHeadRow(Base):
    """The one row that says where the audit log ends, sealed."""

    __tablename__ = "audit_head"

    head_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    chain: Mapped[bytes] = mapped_column(LargeBinary(32))
    seal: Mapped[bytes] = mapped_column(LargeBinary(32))


class DoomedFileRow(Base):
    """A file whose content was erased and that is still to be deleted, by its path in the history's folder."""

    __tablename__ = "doomed_file"

    path: Mapped[str] = mapped_column(String(128), primary_key=True)
