"""Services with one important line broken, to prove that the checker reports it.

Most breakages show only when something happens at a certain step: a crash, a delay, an error. That
is the control: it does the same to an unbroken service, and the checker must report nothing. The
mutants of one file share a system and run one after another. A new mutant is one function,
decorated with its control and the violation that the checker must report.

A relay without its lock is not among them: a row is deleted after Kafka has acknowledged it, and
each batch starts with the oldest row. So two relays only publish the same events twice, and
consumers recognize repeats by event id. Order breaks only if relays share the rows.
"""
