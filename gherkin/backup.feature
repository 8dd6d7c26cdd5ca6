Feature: Backup
  A house comes back from one file with every position that it had, so that what was promised before still holds.

  Scenario: A claim outlives the house that it was made in
    Given an item of work called "Hash the README"
    And ada has claimed it
    When the house is backed up while it runs, and made anew of that file elsewhere
    Then an old fence is refused there, and ada completes the item with the one that she was given
    And the tables there equal those of the log, made anew
