"""Network emulator and synthetic callers: the project's benchmark and the operator's self-test."""
