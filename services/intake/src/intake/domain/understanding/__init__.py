"""What a customer's words say: a request for a supervisor, the language, and what they are about.

Pure: the same text gives the same answer, with the evidence for it.
"""
