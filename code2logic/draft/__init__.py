"""The LLM stage of Code2Logic: from anybody's game code to a game module whose answers were checked."""
