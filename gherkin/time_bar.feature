Feature: Any past moment
  The dashboard shows any moment of the log as it was, says that it does, and finds back to now.

  Scenario: One look at a past moment shows what was true then
    Given an item of work called "weave"
    And ada has claimed it
    And that moment is remembered
    And ada has completed it
    When somebody looks at the work of that moment
    Then the picture says "REPLAY", "weave" and "claimed"
    When somebody looks at the work of now
    Then the picture says "LIVE", "weave" and "completed"

  Scenario: A moment that the log does not hold is refused, not drawn
    When somebody looks at the work of position 999999
    Then it is refused, because "is beyond the log, which ends at"

  Scenario: In an open dashboard one goes to a moment and back
    Given an item of work called "weave"
    And ada has claimed it
    And that moment is remembered
    And ada has completed it
    And the dashboard is open in a terminal
    When that moment is asked for with "t"
    Then the dashboard says "REPLAY", "weave" and "claimed"
    When the key "Escape" is pressed in the terminal
    Then the dashboard says "LIVE", "completed" and "ada"
