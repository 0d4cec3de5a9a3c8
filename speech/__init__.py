"""What both sides do to a text that is to be spoken. Pure rules: nothing here knows of jobs, engines or sound."""
