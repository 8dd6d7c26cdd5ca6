Feature: Asking again
  Whoever did not hear an answer asks the same again, and nothing happens twice.

  Scenario: The same submission again makes no second item
    When an item called "once" is submitted 3 times in the same request
    Then there is 1 item
    And each time the same item was named

  Scenario: The same claim again is the same claim, also after a crash
    Given an item of work called "first"
    And an item of work called "second"
    When ada claims whatever is best in the request "r-1"
    And the coordinator is killed
    And ada claims whatever is best in the request "r-1"
    Then each time the same item was named
    And there is 1 item claimed
    And there is 1 item open

  Scenario: An answer that never came is had by asking again
    Given an item of work called "wanted"
    And the coordinator hangs
    When ada claims it in the request "r-2", with little patience
    Then ada is told that it may have happened, and to ask again in the request "r-2"
    When the coordinator goes on
    And ada claims it in the request "r-2"
    Then ada holds it
    And its history tells of one claim

  Scenario: A crash of everything loses nothing
    Given an item of work called "done before"
    And ada has claimed it
    And ada has completed it
    And an item of work called "in hand"
    And ada has claimed it
    When everything is killed and started again
    Then "done before" is completed by ada, once
    And ada holds "in hand"
    And ada can complete it
