Feature: Handing back
  What an agent cannot finish goes to another, with the reason, and is never lost on the way.

  Scenario: Work that is given back goes to the next agent
    Given an item of work called "half done"
    And ada has claimed it
    When ada gives it back, saying "no more memory"
    Then it becomes open again
    And its history tells the reason "no more memory"
    And ben can claim it

  Scenario: Work that is given back again and again rests, and is set aside in the end
    Given a house that sets work aside when it was given back 3 times in a row
    And an item of work called "hot potato"
    And ada has claimed it
    When ada gives it back, saying "no more memory"
    Then ben can claim it
    When ben gives it back, saying "no more memory"
    Then it rests before anybody can have it
    When ada waits for whatever is best
    Then ada holds "hot potato"
    When ada gives it back, saying "no more memory"
    Then it is parked
    And it is listed as parked
    And its history tells the reason "no more memory; given back 3 times in a row"
    When it is requeued
    Then ben can claim it

  Scenario: A restarted agent takes its own work up again
    Given ada is an agent
    And an item of work called "interrupted"
    And ada has claimed it for one second
    When ada is restarted
    Then it becomes open again
    When ada claims it
    And ada completes it
    Then it is completed by ada, once
    And its history tells of 2 claims

  Scenario: Work that cannot be done is given up for good
    Given an item of work called "impossible"
    And ada has claimed it
    When ada gives it up, saying "the disk is gone"
    Then it is failed
    And its history tells the reason "the disk is gone"
    When ben claims whatever is best
    Then ben is told that there is nothing to claim

  Scenario: Work that nobody shall do any more is called off
    Given an item of work called "not needed"
    And ada has claimed it
    When it is called off
    Then it is cancelled
    When ada completes it
    Then ada is refused, because "cancelled"
