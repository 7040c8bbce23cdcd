"""Drafts: what a person wrote in the form of an action, and did not send with success."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Draft:
    fields: Mapping[str, str]
    saved_at: datetime
