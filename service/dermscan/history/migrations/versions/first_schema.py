"""The first schema: subjects, lesions, scans, blobs, tickets.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Go to revision 0001."""
    _people()
    _scans()
    _blobs()
    _tickets()


def _people() -> None:
    op.create_table(
        "subject",
        sa.Column("subject_id", sa.String(36), nullable=False),
        sa.Column("alias", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", name="pk_subject"),
        sa.UniqueConstraint("alias", name="uq_subject_alias"),
    )
    op.create_table(
        "lesion",
        sa.Column("lesion_id", sa.String(36), nullable=False),
        sa.Column("subject_id", sa.String(36), nullable=True),
        sa.Column("anatomic_site", sa.String(64), nullable=True),
        sa.Column("laterality", sa.String(1), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.subject_id"], name="fk_lesion_subject_id_subject"),
        sa.PrimaryKeyConstraint("lesion_id", name="pk_lesion"),
    )
    op.create_index("ix_lesion_subject_id", "lesion", ["subject_id"])


def _scans() -> None:
    op.create_table(
        "scan",
        sa.Column("scan_id", sa.String(36), nullable=False),
        sa.Column("lesion_id", sa.String(36), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("filed_at", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.String(64), nullable=False),
        sa.Column("frame_width", sa.Integer(), nullable=False),
        sa.Column("frame_height", sa.Integer(), nullable=False),
        sa.Column("frame_sequence", sa.BigInteger(), nullable=False),
        sa.Column("frame_monotonic_s", sa.Double(), nullable=False),
        sa.Column("mm_per_pixel", sa.Double(), nullable=True),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.Column("roi", sa.Text(), nullable=True),
        sa.Column("mask_confidence", sa.Double(), nullable=True),
        sa.Column("features", sa.Text(), nullable=True),
        sa.Column("probabilities", sa.Text(), nullable=False),
        sa.Column("risk", sa.Double(), nullable=True),
        sa.Column("pre_malignant", sa.Double(), nullable=True),
        sa.Column("band", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(32), nullable=True),
        sa.Column("bundle_id", sa.String(128), nullable=False),
        sa.Column("bundle_hash", sa.String(64), nullable=False),
        sa.Column("software_version", sa.String(64), nullable=False),
        sa.Column("settings_hash", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["lesion_id"], ["lesion.lesion_id"], name="fk_scan_lesion_id_lesion"),
        sa.PrimaryKeyConstraint("scan_id", name="pk_scan"),
    )
    op.create_index("ix_scan_lesion_id_taken_at", "scan", ["lesion_id", "taken_at"])
    op.create_index("ix_scan_taken_at", "scan", ["taken_at"])


def _blobs() -> None:
    op.create_table(
        "blob",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("scan_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.ForeignKeyConstraint(["scan_id"], ["scan.scan_id"], name="fk_blob_scan_id_scan"),
        sa.PrimaryKeyConstraint("name", name="pk_blob"),
        sa.UniqueConstraint("scan_id", "kind", name="uq_blob_scan_id_kind"),
    )


def _tickets() -> None:
    op.create_table(
        "ticket",
        sa.Column("ticket_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("lesion_id", sa.String(36), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["lesion_id"], ["lesion.lesion_id"], name="fk_ticket_lesion_id_lesion"),
        sa.PrimaryKeyConstraint("ticket_hash", name="pk_ticket"),
    )
    op.create_index("ix_ticket_expires_at", "ticket", ["expires_at"])
    op.create_index("ix_ticket_lesion_id", "ticket", ["lesion_id"])
