"""The paper's experiments: baselines, runs, the ledger of claims, benchmarks, and the book's chain."""
