"""Published data sets as their authors lay them out, one file each. Names only: no point and no pixel is read here."""
