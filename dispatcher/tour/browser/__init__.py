"""The recorded browser: pages and tabs, the drawn pointer and dialogs, and recording a take. Knows no steps."""
