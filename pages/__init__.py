"""Pages for browsers: files that are served as they are, and the description of the HTTP interface."""
