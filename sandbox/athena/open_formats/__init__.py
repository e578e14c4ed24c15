"""Tables of open formats, whose own metadata say which files and columns are theirs."""
