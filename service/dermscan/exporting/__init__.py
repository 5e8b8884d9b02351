"""Takes one lesion out of the history into files, for command and console alike. It asks nobody and sends nothing."""
