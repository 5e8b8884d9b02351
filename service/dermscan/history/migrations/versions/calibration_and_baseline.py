"""What the camera was set to, the calibration that a scan used, and a baseline set by hand. Nothing is rewritten.

Revision: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Go to revision 0003. Body sites stay as they are, also those that are not of DICOM CID 4029."""
    op.add_column("scan", sa.Column("camera", sa.Text(), nullable=True))
    op.add_column("scan", sa.Column("calibration_id", sa.String(64), nullable=True))
    op.add_column("lesion", sa.Column("baseline_scan_id", sa.String(36), nullable=True))
