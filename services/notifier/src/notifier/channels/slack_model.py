"""What all that Slack sends has in common."""

from pydantic import BaseModel, ConfigDict


class SlackModel(BaseModel):
    """Unknown fields are ignored, since Slack adds some at any time."""

    model_config = ConfigDict(extra="ignore", frozen=True)
