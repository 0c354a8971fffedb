"""How many annotators a cluster carries, from measured costs; and the config for so many."""
