"""What is wrong with an event that the API would take all the same: the event reference as Polars expressions.

Rules look at the values of events, column by column, before these become text. They know nothing of mappings: who
asks says which columns hold which targets (:class:`Given`), and gets rules to evaluate on such a frame.
"""

from importer.rules.presence import never_met
from importer.rules.rule import EVENT_NAME, EventNames, Given, Rule
from importer.rules.ruleset import entry_rules, event_rules

__all__ = ["EVENT_NAME", "EventNames", "Given", "Rule", "entry_rules", "event_rules", "never_met"]
