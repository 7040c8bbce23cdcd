"""Receives contacts from every channel; an accepted contact is not lost."""

from common import import_without

import_without("pygments", "httpx")
