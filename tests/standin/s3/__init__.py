"""A real S3 server for tests and benchmarks: rclone's, of a pinned wheel, as Debian's rclone has none yet."""
