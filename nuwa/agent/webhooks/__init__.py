"""From a delivery of a forge to a finished run: who sent it, what it concerns, what is executed."""
