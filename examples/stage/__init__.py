"""What every demonstration stands on: a server of its own, a mailbox, programs, load, and a judge."""
