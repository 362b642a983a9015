"""Other programs for the same job, each at the best that its documentation offers, with packages of their own."""
