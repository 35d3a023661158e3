"""What `./toban VERB` runs inside the environment."""
