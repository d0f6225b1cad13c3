"""Every wait and time-out of this Lambda, in seconds, in one place: together they have to fit into its own time.

The function's time-out is the construct's to set; a test holds the two together. ``responder.py`` has copies of the
three that it needs, since it must answer even where nothing of this package can be imported.
"""

from __future__ import annotations

#: How long before Lambda ends us the work is interrupted: the time to send the answer, with all its attempts.
RESERVE = 30.0
#: The answer to CloudFormation: how often it is sent, and how long each attempt may take.
ANSWER_ATTEMPTS, ANSWER_TIMEOUT = 6, 4.0
#: Between two attempts to send it: doubled from the first to the longest.
ANSWER_PAUSES = (0.2, 1.0)

#: How long a fresh role may take to be known everywhere, over one invocation, and the pauses, doubled to the longest.
PROPAGATION = 45.0
PROPAGATION_PAUSES = (1.0, 8.0)

#: How long another account's release of DEFAULT may take to be seen, and the pause between two attempts.
HAND_OVER = 60.0
HAND_OVER_PAUSE = 5.0

#: A change of mode begins only with so much time left: the last attempt at the new registration, and to undo it.
ROOM_TO_RESTORE = HAND_OVER + 40.0

#: One call of AWS: botocore's own attempts, and how long each may take to connect and to be answered.
CALL_ATTEMPTS = 8
CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 20.0
