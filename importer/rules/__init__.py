"""What is wrong with an event that the API would take all the same."""
