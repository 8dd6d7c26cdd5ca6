Feature: The past
  Every moment of the log can be looked at as it was, while the present goes on.

  Scenario: The board of a past moment is what it was then
    Given work in every state
    When everything that waits or is held is cancelled
    Then the board of then shows what it showed before
    And the board of now shows nothing that waits or is held

  Scenario: A moment that the log does not hold is refused in a sentence
    Given work in every state
    When the board is asked for as of "#999999"
    Then it is refused, because "position 999999 is beyond the log, which ends at"
    When the board is asked for as of "1999-12-31"
    Then it is refused, because "is before the log, which begins at position 1"
    When the board is asked for as of "soon"
    Then it is no moment, because "--at is 'soon', which names no moment."
