"""Notes on a filing: its tables and text read, numbers recomputed, claims that cite their cells, questions answered."""
