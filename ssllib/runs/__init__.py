"""What was run and kept: experiments, jobs, records."""
