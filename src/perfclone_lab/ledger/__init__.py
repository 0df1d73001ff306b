"""The ledger: what the paper claims, by which rule a claim is judged, and on which statistics."""
