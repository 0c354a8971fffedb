"""The Ray Serve deployments, one file each: thin shells around the ground floor."""
