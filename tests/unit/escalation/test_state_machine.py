"""Whatever people do and however late timers are, the invariants hold."""

from hypothesis import settings

from unit.escalation.contact_machine import ContactMachine

ContactMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestContactMachine = ContactMachine.TestCase
