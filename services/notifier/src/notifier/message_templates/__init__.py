"""Templates that an admin has set: checked when they are saved, rendered when a message is sent."""
