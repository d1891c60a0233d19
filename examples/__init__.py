"""Programs to learn from: the demonstration and the incidents."""
