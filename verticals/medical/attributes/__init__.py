"""What a nodule looks like, where it lies, and how suspicious readers would rate it."""
