"""What `iot-ca simulate` is made of: the files, the registrations to try devices on, the answers and their forms."""
