"""Talk to AWS: the only package that imports botocore. `ec2`, `rds` and `identity` are its doors."""
