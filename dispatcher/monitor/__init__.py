"""What is done for runs after they were asked for: following them, looking after them, and starting them again."""
