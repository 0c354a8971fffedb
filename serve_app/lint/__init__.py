"""What is wrong with YAML files, in sentences."""
