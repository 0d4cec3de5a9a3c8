"""`gpudrop doctor`: is everything here that a job needs, is the drop well, and how fast is the channel really?"""

from dispatcher.doctor.findings import Finding, Report, State

__all__ = ["Finding", "Report", "State"]
