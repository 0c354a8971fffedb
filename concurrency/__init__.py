"""How work waits and runs: by priority, once for all who ask, in threads that may be abandoned."""
