"""The data that experiments run on: what they are, and the truth that belongs to them."""

from pathlib import Path

from .dataset import DATASETS, Dataset, read_dataset

for _file in sorted(Path(__file__).parent.glob("*.json")):  # one file a set
    DATASETS.register(_file.stem)(read_dataset(_file))

__all__ = ["DATASETS", "Dataset", "read_dataset"]
