"""Experiments on trained actors: self-reenactment (Table 1) and the unpaired branch (Sec. 5.2), each a function and a command."""
