"""S3's data plane: objects, copies, multipart uploads. moto keeps the buckets, their settings, listing and deletion."""
