"""Batches, missing modalities, splits: between records and tensors."""
