"""Scans with known nodules: shapes of LIDC put into real chests, warps of them and phantoms."""
