"""What signs, with ``cryptography``: left out of the package of stages whose Lambda signs nothing."""
