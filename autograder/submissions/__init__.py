"""Submissions: found on disk, read without trust, cut into cells by the release's grade ids."""
