"""Who is told of a finding, and how: an outbox and its channels."""
