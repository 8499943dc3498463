"""Programs of others that do the same work, as small scripts run by their own interpreters."""
