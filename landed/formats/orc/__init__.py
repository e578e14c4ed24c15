"""ORC: the footers, the streams and their runs, the values of the columns, and how a file of these is opened."""
