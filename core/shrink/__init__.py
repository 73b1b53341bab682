"""Makes a trained network smaller and quicker, one rung at a time, and says after each what it cost."""
