"""The programs: they join what comes in with what goes out."""
