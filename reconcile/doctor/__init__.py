"""[pure] What `doctor` examines, one file a family of checks."""
