"""Shows people what needs them, why, how long is left, and what to press."""

from common import import_without

import_without("pygments", "httpx")
