"""The screens Settings: every kind of setting by one frame. A kind describes its fields."""
