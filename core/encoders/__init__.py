"""One encoder a modality, each behind the contract in base.py."""
