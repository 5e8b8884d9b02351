"""The clinician's console: a local web application over the history. It never makes an outside request."""
