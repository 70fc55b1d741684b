"""Flow `retraining`: placeholder body follows once the registry's calls are fixed."""
