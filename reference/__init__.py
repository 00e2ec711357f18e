"""The references: one correct implementation per topic, written to be read beside the paper."""
