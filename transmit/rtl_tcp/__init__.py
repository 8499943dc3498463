"""A server that speaks rtl_tcp: a simulated or recorded band as if a dongle were at work."""
