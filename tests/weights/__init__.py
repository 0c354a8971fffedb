"""Stand-in weights for every model, pure functions of a key's name and shape, as their publishers give them.

``<model>.json`` holds the keys and shapes of the official checkpoint. The values, the images and the prompts
are those the golden outputs in ``tests/golden`` were made with, the same on every platform and with every
version of NumPy: no library's random numbers are involved.
"""
