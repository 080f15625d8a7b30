"""[pure] One record in, one format out; no arithmetic here."""
