"""Experiments: self-reenactment (Table 1), the unpaired branch (Sec. 5.2), cloning across actors, pose extraction, the example.

Each is a function and a command.
"""
