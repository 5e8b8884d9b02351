"""From a frame to an assessment: quality, region of interest, mask, features, classes. No files, no bus."""
