"""What a mapping file says, and the Polars expressions that it comes down to."""
