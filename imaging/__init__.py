"""Where an image is and how to get it safely: from the value in a task to pixels at model size.

``reader`` is the way in. Sockets are opened in ``net`` alone and files in ``files``, each with
its limits.
"""
