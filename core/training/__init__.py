"""One readable loop that yields events, and what it is made of."""
