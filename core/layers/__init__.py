"""Blocks that several encoders share: attention, temporal attention, mlp, patches, positions."""
