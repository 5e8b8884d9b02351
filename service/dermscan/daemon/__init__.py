"""The long-running service: it wires the rooms, keeps them alive and tells systemd how the work stands."""
