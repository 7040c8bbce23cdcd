"""What was tried before it was decided: each is named in the decision record that it led to."""
