Feature: Health
  A score from 0 to 100 that falls with trouble, says why, names the events behind it, and recovers.

  Scenario: Waiting work costs health until somebody does it
    Given 3 items of work that nobody does
    Then the health of the system lacks points for "nobody works"
    And the events behind that can be looked up
    When ada does all of them
    Then the health of the system lacks no points for "nobody works"

  Scenario: An agent that drops work loses health, and earns it back
    Given an item of work called "dropped"
    And eve has claimed it for one second
    And eve has fallen silent until her claim ran out
    Then the health of eve lacks points for "leases expired"
    And the events behind that can be looked up
    When eve does 3 items of work
    Then the health of eve has risen

  Scenario: Messages that are no events cost health and are named
    When somebody writes to the log what is no event
    Then the health of the system lacks points for "dead letters"
    And the events behind that can be looked up
