"""Our side of the Plivo account: setting it up, sending, watching what comes back."""
