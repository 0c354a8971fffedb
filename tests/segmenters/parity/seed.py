"""What this run's weights, images, prompts and logits are drawn from: others in each run."""

from __future__ import annotations

import os
import secrets

VARIABLE = "PARITY_SEED"
SEED = int(os.environ.get(VARIABLE) or secrets.randbelow(2**32))
