"""The run database: the commit point of every job and the memory of this machine. All SQL of the project is here."""
