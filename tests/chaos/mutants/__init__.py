"""Services with one line broken that matters, to prove that the checker would see it.

What is broken often shows only when something happens at a certain step: a death, a delay, a fault.
That is the control: it does the same to a sound service, and nothing is to be found. Each file of
breakages has a system of its own, in which its mutants take turns. A new mutant is one function,
decorated with its control and with what must be found.

Not here is a relay without its lock: a row is deleted once it is acknowledged and each batch is
read from the oldest row on, so two relays at once only repeat themselves, and consumers know
repeats by their id. To share the rows among relays is what breaks the order.
"""
