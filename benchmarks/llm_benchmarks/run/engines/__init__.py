"""Where the processes of cells run: here, as tasks of Ray, or as jobs of SLURM."""
