"""Projects, their members and their tokens: who may see and send what."""
