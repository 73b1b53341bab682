"""The knowledge graph of pulmonary nodules: words, codes, edges with their literature, and the schema of a finding."""
