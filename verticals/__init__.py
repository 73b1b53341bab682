"""The verticals that come with Colonnade. None knows another; each is found through its entry point."""
