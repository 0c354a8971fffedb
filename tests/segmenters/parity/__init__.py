from tests import oracles as oracles  # first: it puts the official packages on the path
