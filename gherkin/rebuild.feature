Feature: Rebuilding
  Everything that is shown is read from the log: made anew from it, it is the same.

  Scenario: Tables made anew equal those they replace
    Given work in every state
    When the tables are made anew
    Then they equal those they replaced
    And the board shows what it showed before

  Scenario: Questions are answered while tables are made anew
    Given 300 items of work
    When the tables are made anew, and the board is asked for all the while
    Then they equal those they replaced
    And every question was answered, each with 300 items

  Scenario: Lost tables come back from the log
    Given work in every state
    When the tables are lost while nothing runs
    And everything is started again
    Then the board shows what it showed before
