"""Just-in-time registration: admits device certificates of one CA, and activates them. Stdlib and botocore.

``settings`` reads what the construct wrote, ``certificate`` what the CA signed; ``admission`` decides, ``enrolling``
carries it out.
"""
