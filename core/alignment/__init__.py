"""Contrastive losses between modalities, and retrieval."""
