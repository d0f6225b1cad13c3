"""CloudFormation StackSets, and what they need of Organizations, played on the local AWS by AWS's documents.

Every instance is a real stack of the emulator, in the target's account and region. Knows nothing of this project's
constructs: what they render is judged here. `install.close` adds all of it to the emulator. The names below are for
whoever drives it, too.
"""

from __future__ import annotations

ADMINISTRATION = "AWSCloudFormationStackSetAdministrationRole"
EXECUTION = "AWSCloudFormationStackSetExecutionRole"
#: A unit that is created with this tag has the tag's value for its id; the id of a root names the root. The local AWS
#: alone knows it: on AWS the ids are AWS's.
UNIT_ID_TAG = "iot-multiaccount-ca:local-unit-id"
