"""Two small web services that know nothing of the agent: `plimsoll-run` puts it into them."""
