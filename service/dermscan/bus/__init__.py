"""What the room may know: a closed set of status events on the local broker. No person, lesion, risk or pixel."""
