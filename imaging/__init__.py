"""Where an image is and how to get it safely: from the value in a task to pixels at model size.

``reader`` is the way in. ``net`` is the only place of the project that opens a socket for an image and
``files`` the only one that opens a file for it; both are guarded by ``addresses`` and by their own limits.
"""
