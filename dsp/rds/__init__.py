"""What RDS is: constant tables shared by coder and receiver. No encoding or decoding logic here."""
