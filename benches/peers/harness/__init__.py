"""What `run` is made of. Knows nothing of Tidegate's code: only its command line."""
