"""The task `industrial/inspection`: experts of three senses, fused, with a threshold that keeps a promise."""
