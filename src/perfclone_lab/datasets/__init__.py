"""The data that experiments run on: what they are, and the truth that belongs to them."""
