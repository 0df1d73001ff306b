"""Experiments: runs and where they are kept, what is measured, families of runs, the claim ledger; pose extraction, the example."""
