"""The `rollout` command. One file per group of commands; `main` puts them together."""
