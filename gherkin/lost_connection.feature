Feature: The dashboard says when it has lost its connection
  What is on the screen is of now, or it says that it is not, and what to do.

  Scenario: Without a house, one look says so and names the command that starts one
    Given nothing runs
    When somebody looks at the dashboard once
    Then the picture says "LOST", "The house is away" and "coord up"
    And the look ends as every command does where no house runs

  Scenario: An open dashboard tells of a lost house, keeps what it knew, and comes back by itself
    Given an item of work called "weave"
    And ada has claimed it
    And the dashboard is open in a terminal
    When everything is stopped
    Then the dashboard says "LOST", "retry" and "coord up"
    And what it knew of ada stands there, dimmer than before
    When everything is started again
    Then the dashboard says "LIVE", "ada" and "weave"

  Scenario: A dashboard is left as it was entered, also while the house is away
    Given the dashboard is open in a terminal
    When everything is stopped
    Then the dashboard says "LOST", "retry" and "coord up"
    When the key "q" is pressed in the terminal
    Then the terminal is as it was before
