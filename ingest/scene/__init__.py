"""A simulated band: transmitters, healthy and faulty, as a dongle would have received them."""
