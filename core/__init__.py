"""What is true of every domain: encoders, fusion, decoding, trust, training and the verbs of a pipeline."""
