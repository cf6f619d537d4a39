"""ECR's images: layers and manifests by their own SHA-256, replication between registries, unpacking."""
