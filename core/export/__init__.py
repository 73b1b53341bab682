"""From a trained model to a program other engines run, with proof of parity."""
