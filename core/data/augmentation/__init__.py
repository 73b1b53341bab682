"""Changes of training records that leave their meaning: a file a modality, every draw from a generator of its own."""
