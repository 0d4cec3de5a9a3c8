"""What a step does and checks on a page: one function for each action and assertion of the spec."""
