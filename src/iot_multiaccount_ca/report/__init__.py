"""The fleet as one HTML page. Renders what it is given; asks no AWS, and fetches nothing."""
