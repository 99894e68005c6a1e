"""Run a plan on Ray: jobs, workers, retries, results."""
