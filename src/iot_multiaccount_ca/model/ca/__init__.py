"""The device CA: its certificate, and the algorithms that AWS IoT takes."""
