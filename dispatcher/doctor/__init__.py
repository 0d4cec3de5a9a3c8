"""`gpudrop doctor`: is everything here that a job needs, is the drop well, and how fast is the channel really?"""

from dispatcher.doctor.findings import DoctorReport, Finding, State

__all__ = ["DoctorReport", "Finding", "State"]
