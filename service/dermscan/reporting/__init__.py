"""Reports and exports of a lesion: PDF, DICOM, FHIR. It opens no history, reads no setting and uploads nothing."""
