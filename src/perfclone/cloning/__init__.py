"""Cloning: poses → frames → video, offline, streamed and live (Sec. 3, 5.3)."""
