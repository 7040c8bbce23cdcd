"""The decisions of escalation: what is promised, what is due, who is asked, who has it."""
