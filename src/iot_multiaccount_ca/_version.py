"""The version, in one place: the build reads it from here too."""

__version__ = "0.1.0"
#: Its wheel's file, by which it is installed: on a public index anybody may hold the name.
WHEEL = f"iot_multiaccount_ca-{__version__}-py3-none-any.whl"
