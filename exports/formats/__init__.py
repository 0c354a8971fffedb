"""One module for each format of a data set."""
