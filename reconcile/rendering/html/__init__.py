"""[pure] The overview as one page that needs nothing but itself."""
