"""Takes in contacts from every channel and never loses one."""
