"""How a registration becomes resources of a stack."""
