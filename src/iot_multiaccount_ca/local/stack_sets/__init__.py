"""CloudFormation StackSets, and what they need of Organizations, played on the local AWS by AWS's documents.

Every instance is a real stack of the emulator, in the target's account and region. Knows nothing of this project's
constructs: what they render is judged here. `install.close` adds all of it to the emulator.
"""
