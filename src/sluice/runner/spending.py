"""What a run may spend: the suite's budget against what was called, and the stop where it is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sluice.errors import CannotJudge
from sluice.providers.base import Completion, Outcome
from sluice.results import Side
from sluice.schema import Budget

KEPT = "what was answered is kept"

CostOf = Callable[[Side, Completion], float | None]


class BudgetSpent(CannotJudge):
    """No more may be asked; what has been answered may still be judged, as far as it goes."""


@dataclass(slots=True)
class Spending:
    """One run's budget. Calls and dollars are those of the whole journal, minutes those of this process."""

    suite: str
    budget: Budget
    cost_of: CostOf
    dollars: float = 0.0
    stopped: str | None = None
    """Why nothing more may be asked."""

    def note(self, side: Side, outcomes: Iterable[Outcome]) -> None:
        """Count the price of what one side's model answered."""
        if self.budget.cost is not None:
            answered = (one for one in outcomes if isinstance(one, Completion))
            self.dollars += sum(self.cost_of(side, one) or 0.0 for one in answered)

    def require(self, seconds: float) -> None:
        """Raise BudgetSpent where time or money is spent."""
        budget = self.budget
        if budget.minutes is not None and seconds > budget.minutes * 60:
            self._stop(f"{budget.minutes:g} minutes", "run the same command again to go on, or raise", "minutes")
        if budget.cost is not None and self.dollars > budget.cost:
            self._stop(f"${budget.cost:g}", "to go on, raise", "cost")

    def require_calls(self, done: int, needed: int) -> None:
        """Raise BudgetSpent where these further calls exceed the budget: half a look cannot be judged."""
        if self.budget.calls is not None and needed and done + needed > self.budget.calls:
            self._stop(f"{self.budget.calls} calls ({done} made, {needed} more wanted)", "to go on, raise", "calls")

    def _stop(self, what: str, way: str, key: str) -> None:
        self.stopped = f"the budget of {what} for {self.suite} is spent; {KEPT}: {way} `budget: {{{key}: …}}`"
        raise BudgetSpent(self.stopped)
