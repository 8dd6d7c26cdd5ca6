Feature: The archive
  A copy of every event for other tools, which is compared with the log whenever somebody asks.

  Scenario: The archive equals the log, and a file that was altered is named
    Given 3 items of work that nobody does
    And events are exported to an archive
    Then the archive equals the log
    When a file of the archive is altered
    Then the comparison names what was altered
