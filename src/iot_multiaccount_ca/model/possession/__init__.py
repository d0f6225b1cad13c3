"""How possession of the CA's key is proved in DEFAULT mode: the ways, and what each needs. Never holds a key."""
