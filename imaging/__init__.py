"""Where an image is and how to read it safely: from the value in a task to pixels at model size.

``reader`` is what others call. Only ``net`` opens sockets and only ``files`` opens files.
"""
