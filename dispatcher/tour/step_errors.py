"""What a step that fails is told with: the step, the action, and what happened."""

from __future__ import annotations

from playwright.sync_api import Error as PlaywrightError

from dispatcher.tour.browser_errors import explained
from dispatcher.tour.stage import Stage
from dispatcher.tour.steps import Step
from protocol.errors import StepFailed


def placed(error: StepFailed, step: Step, where: str) -> StepFailed:
    """Return an error with the step and the action in front of it."""
    return StepFailed(f"step {step.id!r}, {where}: {error}", step=step.id, retryable=error.retryable)


def what_of(error: Exception, stage: Stage) -> str:
    """Return what an error says, a browser's in our words."""
    return str(explained(error, stage)) if isinstance(error, PlaywrightError) else str(error)
