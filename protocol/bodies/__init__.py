"""The JSON bodies Label Studio posts, read only as far as this service needs them.

An interactive request carries the whole task: drafts, predictions and annotations with every mask drawn so
far, tens of megabytes of integers. Fields that are not named are stepped over and never become Python
objects, and values whose size a client controls stay undecoded bytes (``msgspec.Raw``) until someone asks for
them.
"""
