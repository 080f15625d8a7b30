"""What codes and numbers mean, as data; README.md describes each table."""
