"""Names that the emulator's side of stack sets and whoever drives it share. Imports nothing of the emulator."""

from __future__ import annotations

ADMINISTRATION = "AWSCloudFormationStackSetAdministrationRole"
EXECUTION = "AWSCloudFormationStackSetExecutionRole"
#: A unit that is created with this tag has the tag's value for its id; the id of a root names the root. The local AWS
#: alone knows it: on AWS the ids are AWS's.
UNIT_ID_TAG = "iot-multiaccount-ca:local-unit-id"
